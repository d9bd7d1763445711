#include <clb/base/same_look.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace clb::base {

namespace {

// Marks that stand behind the letter they belong to: accents, marks of Korean vowels and finals, sound marks of Japanese.
bool is_mark(uint32_t c) { return (c >= 0x300 && c <= 0x36f) || (c >= 0x1160 && c <= 0x11ff) || c == 0x3099 || c == 0x309a; }

// A letter with the marks behind it, bytes each.
struct Letter {
  std::string base, marks;
};

std::vector<Letter> letters(std::string_view text) {
  std::vector<Letter> all;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const std::string bytes(text.substr(i, length));
    uint32_t point = lead < 0x80 ? lead : lead & (0xffu >> (length + 1));
    for (size_t k = 1; k < bytes.size(); ++k) point = point << 6 | (static_cast<uint8_t>(bytes[k]) & 0x3fu);
    if (is_mark(point) && !all.empty()) {
      all.back().marks += bytes;
    } else {
      all.push_back({bytes, ""});
    }
    i += length;
  }
  return all;
}

bool may_be_same(const Letter& whole, const Letter& apart) {
  return whole.marks.empty() && !apart.marks.empty() && static_cast<uint8_t>(whole.base[0]) >= 0x80;
}

}  // namespace

bool same_look(std::string_view a, std::string_view b) {
  if (a == b) return false;
  const std::vector<Letter> left = letters(a), right = letters(b);
  if (left.size() != right.size()) return false;
  for (size_t i = 0; i < left.size(); ++i) {
    const Letter &l = left[i], &r = right[i];
    if (l.base == r.base && l.marks == r.marks) continue;
    if (!may_be_same(l, r) && !may_be_same(r, l)) return false;
  }
  return true;
}

}  // namespace clb::base
