#include "clb/text/html.hpp"

#include <algorithm>
#include <array>
#include <clb/text/unicode.hpp>
#include <optional>

namespace clb::text {
namespace {

struct Entity {
  const char *name, *utf8;
  bool may_stand_open;
};
constexpr Entity kEntities[] = {
#include "html_entities.inc"
};

// What a number between 0x80 and 0x9F means: the character of windows-1252.
constexpr std::array<char32_t, 32> kWindows1252{0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6,  0x2030, 0x160,
                                                0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
                                                0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};

// The character of a name; closed: ";" stands behind it.
std::optional<std::u32string> named(const std::string& name, bool closed) {
  const auto* found =
      std::lower_bound(std::begin(kEntities), std::end(kEntities), name, [](const Entity& e, const std::string& n) { return e.name < n; });
  if (found == std::end(kEntities) || found->name != name || !(closed || found->may_stand_open)) return std::nullopt;
  return decode_utf8(found->utf8);
}

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool is_hex(char32_t c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_alphanumeric(char32_t c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Control characters and non-characters: references to them are dropped.
bool is_dropped(uint64_t c) {
  return (c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || (c >= 0x7F && c <= 0x9F) || (c >= 0xFDD0 && c <= 0xFDEF) ||
         (c & 0xFFFE) == 0xFFFE;
}

std::u32string of_number(uint64_t c) {
  if (c >= 0x80 && c <= 0x9F) return windows_1252(static_cast<char32_t>(c));
  if (c == 0xD) return U"\r";
  if (c == 0 || (c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF) return U"\uFFFD";
  return is_dropped(c) ? std::u32string() : std::u32string{static_cast<char32_t>(c)};
}

struct Reference {
  size_t length = 0;  // of what was read behind the "&"; 0: no reference
  std::u32string character;
};

// "#233;", "#xE9;", the ";" may be missing; `text` begins behind the "&".
Reference numeric(std::u32string_view text) {
  const bool hex = text.size() > 1 && (text[1] == 'x' || text[1] == 'X');
  const size_t first = hex ? 2 : 1;
  size_t at = first;
  uint64_t value = 0;
  for (; at < text.size() && (hex ? is_hex(text[at]) : is_digit(text[at])); ++at) {
    const uint64_t digit = is_digit(text[at]) ? text[at] - '0' : (text[at] | 0x20U) - 'a' + 10;
    value = std::min<uint64_t>(value * (hex ? 16 : 10) + digit, 0x110000);
  }
  if (at == first) return {};
  return {at + (at < text.size() && text[at] == ';'), of_number(value)};
}

// The longest name that the text begins with.
Reference longest(std::u32string_view text) {
  constexpr size_t kLongest = 32;
  std::string name;
  for (size_t i = 0; i < text.size() && i < kLongest && is_alphanumeric(text[i]); ++i) name.push_back(static_cast<char>(text[i]));
  if (name.size() < text.size() && text[name.size()] == ';' && name.size() <= kLongest)
    if (auto found = named(name, true)) return {name.size() + 1, *found};
  for (size_t length = name.size(); length > 1; --length)
    if (auto found = named(name.substr(0, length), false)) return {length, *found};
  return {};
}

// "name;", "#233;" and nothing open.
Reference closed(std::u32string_view text) {
  if (!text.empty() && text[0] == '#') {
    const Reference found = numeric(text);
    return found.length > 0 && text[found.length - 1] == ';' ? found : Reference{};
  }
  std::string name;
  while (name.size() < text.size() && is_alphanumeric(text[name.size()]) && name.size() < 25)
    name.push_back(static_cast<char>(text[name.size()]));
  if (name.empty() || name.size() > 24 || name.size() == text.size() || text[name.size()] != ';') return {};
  if (auto found = named(name, true)) return {name.size() + 1, *found};
  std::string small = name;
  std::transform(small.begin(), small.end(), small.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const bool all_capitals = std::none_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  const auto found = all_capitals ? named(small, true) : std::nullopt;
  if (!found || longest(text).length > 0) return {};
  return {name.size() + 1, upper(*found)};
}

template <class Read>
std::u32string replaced(const std::u32string& text, Read read) {
  std::u32string result;
  for (size_t i = 0; i < text.size();) {
    const Reference reference = text[i] == '&' ? read(std::u32string_view(text).substr(i + 1)) : Reference{};
    result += reference.length > 0 ? reference.character : std::u32string{text[i]};
    i += 1 + reference.length;
  }
  return result;
}

}  // namespace

std::u32string windows_1252(char32_t c) { return {kWindows1252[c - 0x80]}; }

std::u32string html_unescape(const std::u32string& text) {
  return replaced(text, [](std::u32string_view rest) { return !rest.empty() && rest[0] == '#' ? numeric(rest) : longest(rest); });
}

std::u32string unescape_closed(const std::u32string& text) { return replaced(text, closed); }

}  // namespace clb::text
