#include "block.hpp"

#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/python/header.hpp>
#include <optional>
#include <vector>

namespace clb::python {
namespace {

std::string_view without_trailing_spaces(std::string_view line) {
  const size_t end = line.find_last_not_of(" \t\r");
  return end == std::string_view::npos ? std::string_view() : line.substr(0, end + 1);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t from = 0; from < text.size();) {
    const size_t end = std::min(text.find('\n', from), text.size());
    lines.push_back(without_trailing_spaces(text.substr(from, end - from)));
    from = end + 1;
  }
  return lines;
}

[[noreturn]] void fail(const std::filesystem::path& file, size_t line, const std::string& sentence) {
  throw base::Error(fmt::format("{}:{}: {}", file.string(), line + 1, sentence));
}

}  // namespace

bool has_block(std::string_view text) {
  for (const std::string_view line : lines_of(text))
    if (line == kBlockBegin) return true;
  return false;
}

std::string toml_of_block(std::string_view text, const std::filesystem::path& file) {
  std::string toml;
  std::optional<size_t> begin;
  bool open = false;
  const auto lines = lines_of(text);
  for (size_t k = 0; k < lines.size(); ++k) {
    const std::string_view line = lines[k];
    if (line == kBlockBegin) {
      if (begin) fail(file, k, fmt::format("a second header begins here, the first one in line {}; leave one", *begin + 1));
      begin = k;
      open = true;
    } else if (open && line == kBlockEnd) {
      open = false;
    } else if (open) {
      if (!line.starts_with("# ") && line != "#") fail(file, k, "a line of the header does not begin with \"# \"; it ends with \"# ///\"");
      toml.append("  ").append(line.substr(std::min<size_t>(2, line.size())));
    }
    toml += '\n';
  }
  if (!begin)
    throw base::Error(
        fmt::format("{}: has no header; a method in Python has a block of comments from \"{}\" to \"{}\", which `clbench new "
                    "method --python NAME` writes",
                    file.string(), kBlockBegin, kBlockEnd));
  if (open) fail(file, *begin, fmt::format("the header has no end; put a line \"{}\" behind it", kBlockEnd));
  return toml;
}

}  // namespace clb::python
