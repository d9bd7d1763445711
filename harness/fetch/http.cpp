#include "http.hpp"

#include <algorithm>
#include <charconv>

namespace clb::fetch {
namespace {

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

// It goes back to the server as it came, in a line of its own.
std::string one_field(std::string_view text) {
  constexpr size_t kLongest = 1000;
  const bool plain = text.size() <= kLongest && std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  return plain ? std::string(text) : "";
}

}  // namespace

std::optional<uint64_t> parse_count(std::string_view text) {
  uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || count > INT64_MAX) return std::nullopt;
  return count;
}

std::optional<ContentRange> parse_content_range(std::string_view text) {
  text = trimmed(text);
  if (lower(text.substr(0, 6)) != "bytes ") return std::nullopt;
  text = trimmed(text.substr(6));
  const size_t dash = text.find('-'), slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) return std::nullopt;
  const auto first = parse_count(text.substr(0, dash)), last = parse_count(text.substr(dash + 1, slash - dash - 1));
  const std::string_view total = text.substr(slash + 1);
  if (!first || !last || *last < *first) return std::nullopt;
  if (total == "*") return ContentRange{*first, *last, std::nullopt};
  const auto all = parse_count(total);
  if (!all || *last >= *all) return std::nullopt;
  return ContentRange{*first, *last, all};
}

void Response::add(std::string_view line) {
  if (line.starts_with("HTTP/")) {
    *this = Response();
    const size_t space = line.find(' ');
    if (space != std::string_view::npos) status = static_cast<int>(parse_count(line.substr(space + 1, 3)).value_or(0));
    return;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string name = lower(trimmed(line.substr(0, colon)));
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (name == "etag") etag = one_field(value);
  if (name == "last-modified") last_modified = one_field(value);
  if (name == "content-type") content_type = lower(value);
  if (name == "content-length") length = parse_count(value);
  if (name == "content-range") range = parse_content_range(value);
}

std::string Response::validator() const { return !etag.empty() && etag.starts_with('"') ? etag : last_modified; }

}  // namespace clb::fetch
