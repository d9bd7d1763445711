#include <algorithm>
#include <array>
#include <clb/base/text.hpp>
#include <iterator>

namespace clb::base {
namespace {

struct Span {
  uint32_t first, last;
};

bool within(uint32_t point, const Span* begin, const Span* end) {
  const Span* found = std::lower_bound(begin, end, point, [](const Span& span, uint32_t p) { return span.last < p; });
  return found != end && found->first <= point;
}

// Controls, separators, direction marks, invisible and unassigned letters. Not the two joiners, which scripts and emoji need.
constexpr Span kUnseen[] = {{0x0, 0x1f},        {0x7f, 0x9f},        {0xad, 0xad},       {0x61c, 0x61c},     {0x115f, 0x1160},
                            {0x180e, 0x180e},   {0x200b, 0x200b},    {0x200e, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
                            {0x3164, 0x3164},   {0xfdd0, 0xfdef},    {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
                            {0xfffe, 0xffff},   {0x1fffe, 0x1ffff},  {0x2fffe, 0x2ffff}, {0xe0000, 0xe00ff}, {0xe01f0, 0xeffff},
                            {0xf0000, 0xfffff}, {0x100000, 0x10ffff}};

// Marks that stand on the letter before them, and joiners (Unicode's Mn and Me of the common scripts).
constexpr Span kZero[] = {{0x300, 0x36f},   {0x483, 0x489},    {0x591, 0x5bd},   {0x5bf, 0x5bf},   {0x5c1, 0x5c2},   {0x5c4, 0x5c5},
                          {0x610, 0x61a},   {0x64b, 0x65f},    {0x670, 0x670},   {0x6d6, 0x6dc},   {0x6df, 0x6e4},   {0x6e7, 0x6e8},
                          {0x6ea, 0x6ed},   {0x900, 0x902},    {0x93a, 0x93a},   {0x93c, 0x93c},   {0x941, 0x948},   {0x94d, 0x94d},
                          {0x951, 0x957},   {0xe31, 0xe31},    {0xe34, 0xe3a},   {0xe47, 0xe4e},   {0x1161, 0x11ff}, {0x1ab0, 0x1aff},
                          {0x1dc0, 0x1dff}, {0x200b, 0x200d},  {0x20d0, 0x20f0}, {0x302a, 0x302d}, {0x3099, 0x309a}, {0xfe00, 0xfe0f},
                          {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef}};

constexpr Span kWide[] = {
    {0x1100, 0x115e},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},   {0x23f0, 0x23f0},   {0x23f3, 0x23f3},
    {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x267f, 0x267f},   {0x2693, 0x2693},   {0x26a1, 0x26a1},
    {0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},   {0x26ce, 0x26ce},   {0x26d4, 0x26d4},   {0x26ea, 0x26ea},
    {0x26f2, 0x26f3},   {0x26f5, 0x26f5},   {0x26fa, 0x26fa},   {0x26fd, 0x26fd},   {0x2705, 0x2705},   {0x270a, 0x270b},
    {0x2728, 0x2728},   {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x27b0, 0x27b0},   {0x27bf, 0x27bf},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2b55, 0x2b55},   {0x2e80, 0x303e},
    {0x3041, 0xa4cf},   {0xa960, 0xa97c},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},
    {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x16fe0, 0x18aff}, {0x1b000, 0x1b2ff}, {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf},
    {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f7e0, 0x1f7eb},
    {0x1f90c, 0x1faff}, {0x20000, 0x3fffd}};

size_t columns_of(uint32_t point) {
  if (within(point, std::begin(kZero), std::end(kZero))) return 0;
  return within(point, std::begin(kWide), std::end(kWide)) ? 2 : 1;
}

std::string hex(uint32_t value, size_t digits) {
  std::string text;
  for (size_t k = digits; k-- > 0;) text += "0123456789abcdef"[value >> (4 * k) & 15];
  return text;
}

std::string escape_of(uint32_t point) {
  if (point == '\n') return "\\n";
  if (point == '\r') return "\\r";
  if (point == '\t') return "\\t";
  if (point < 0x100) return "\\x" + hex(point, 2);
  return point < 0x10000 ? "\\u" + hex(point, 4) : "\\U" + hex(point, 8);
}

}  // namespace

Letter letter_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[at + k]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length == 0 || at + length > text.size()) return {kNoLetter, 1};
  uint32_t point = lead & (0xffu >> (length + 1));
  for (size_t k = 1; k < length; ++k) {
    if ((byte(k) & 0xc0) != 0x80) return {kNoLetter, 1};
    point = point << 6 | (byte(k) & 0x3fu);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  if (overlong || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return {kNoLetter, 1};
  return {point, length};
}

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  const size_t first = std::min(text.find_first_not_of(' '), text.size());
  for (size_t i = 0; i < text.size();) {
    const Letter letter = letter_at(text, i);
    const std::string_view rest = text.substr(i);
    if (letter.point == kNoLetter) {
      result += "\\x" + hex(static_cast<unsigned char>(text[i]), 2);
    } else if (within(letter.point, std::begin(kUnseen), std::end(kUnseen))) {
      result += escape_of(letter.point);
    } else {
      if (i == first && rest.starts_with("::")) result += '\\';  // a command of GitHub's runner, as the other below
      result += rest.substr(0, letter.length);
      if (rest.starts_with("##[")) result += '\\';
    }
    i += letter.length;
  }
  return result;
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) {
    const Letter letter = letter_at(text, i);
    width += columns_of(letter.point);
    i += letter.length;
  }
  return width;
}

std::string cut_to_width(std::string_view text, size_t columns) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) {
    const Letter letter = letter_at(text, i);
    width += columns_of(letter.point);
    if (width > columns) return std::string(text.substr(0, i));
    i += letter.length;
  }
  return std::string(text);
}

}  // namespace clb::base
