#include <algorithm>
#include <clb/base/path_text.hpp>
#include <cstdint>

namespace clb::base {

namespace {

// U+F780 to U+F7FF are EF 9E 80 to EF 9F BF.
bool is_escape(std::string_view at) {
  return at.size() >= 3 && at[0] == '\xef' && (at[1] == '\x9e' || at[1] == '\x9f') && (static_cast<uint8_t>(at[2]) & 0xc0) == 0x80;
}

// Length of the UTF-8 sequence that `at` begins with; 0 when it begins with none (RFC 3629, table 3-7 of Unicode).
size_t sequence(std::string_view at) {
  const auto byte = [&](size_t i) { return i < at.size() ? static_cast<uint8_t>(at[i]) : uint8_t{0}; };
  const uint8_t lead = byte(0), second = byte(1);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80, high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (size_t i = 2; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  return length;
}

}  // namespace

std::string path_text(std::string_view path) {
  std::string text;
  while (!path.empty()) {
    size_t length = sequence(path);
    if (length == 0 || is_escape(path)) {  // a path may hold such a character itself
      const auto byte = static_cast<uint8_t>(path[0]);
      text += '\xef';
      text += byte < 0xc0 ? '\x9e' : '\x9f';
      text += static_cast<char>(byte < 0xc0 ? byte : byte - 0x40);
      length = 1;
    } else {
      text += path.substr(0, length);
    }
    path.remove_prefix(length);
  }
  return text;
}

std::string path_bytes(std::string_view text) {
  std::string path;
  while (!text.empty()) {
    const bool escape = is_escape(text);
    path += escape && text[1] == '\x9f' ? static_cast<char>(static_cast<uint8_t>(text[2]) + 0x40) : escape ? text[2] : text[0];
    text.remove_prefix(escape ? 3 : 1);
  }
  return path;
}

}  // namespace clb::base
