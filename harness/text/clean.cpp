#include "clb/text/clean.hpp"

#include <algorithm>
#include <array>
#include <clb/text/html.hpp>
#include <clb/text/unicode.hpp>
#include <string_view>

namespace clb::text {
namespace {

struct Ligature {
  char32_t character;
  const char32_t* letters;
};
constexpr std::array kLigatures{
    Ligature{0x132, U"IJ"},       Ligature{0x133, U"ij"},  Ligature{0x149, U"\u02BCn"}, Ligature{0x1F1, U"DZ"},
    Ligature{0x1F2, U"Dz"},       Ligature{0x1F3, U"dz"},  Ligature{0x1C4, U"D\u017D"}, Ligature{0x1C5, U"D\u017E"},
    Ligature{0x1C6, U"d\u017E"},  Ligature{0x1C7, U"LJ"},  Ligature{0x1C8, U"Lj"},      Ligature{0x1C9, U"lj"},
    Ligature{0x1CA, U"NJ"},       Ligature{0x1CB, U"Nj"},  Ligature{0x1CC, U"nj"},      Ligature{0xFB00, U"ff"},
    Ligature{0xFB01, U"fi"},      Ligature{0xFB02, U"fl"}, Ligature{0xFB03, U"ffi"},    Ligature{0xFB04, U"ffl"},
    Ligature{0xFB05, U"\u017Ft"}, Ligature{0xFB06, U"st"},
};

bool is_control(char32_t c) {
  return c <= 0x8 || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || (c >= 0x206A && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xFFF9 && c <= 0xFFFC);
}

// A character of ftfy's tables alone; control characters go later, after the terminal's escapes that they begin.
std::u32string replaced(char32_t c) {
  for (const Ligature& ligature : kLigatures)
    if (c == ligature.character) return ligature.letters;
  if (c == 0x3000) return U" ";
  if (c >= 0xFF01 && c <= 0xFFEF) return compatible(c);
  if (c == 0x2BC || (c >= 0x2018 && c <= 0x201B)) return U"'";
  if (c >= 0x201C && c <= 0x201F) return U"\"";
  if (c == 0x2028 || c == 0x2029) return U"\n";
  return {c};
}

template <class F>
std::u32string each(const std::u32string& text, F f) {
  std::u32string result;
  for (const char32_t c : text) result += f(c);
  return result;
}

// The length of ESC [ digits and semicolons, letter, where text begins with it.
size_t escape_length(std::u32string_view text) {
  if (text.size() < 3 || text[0] != 0x1B || text[1] != '[') return 0;
  size_t at = 2;
  while (at < text.size() && ((text[at] >= '0' && text[at] <= '9') || text[at] == ';')) ++at;
  const bool letter = at < text.size() && ((text[at] >= 'a' && text[at] <= 'z') || (text[at] >= 'A' && text[at] <= 'Z'));
  return letter ? at + 1 : 0;
}

std::u32string without_controls(const std::u32string& text) {
  std::u32string result;
  for (size_t i = 0; i < text.size();) {
    if (const size_t escape = escape_length(std::u32string_view(text).substr(i))) {
      i += escape;
      continue;
    }
    if (!is_control(text[i])) result.push_back(text[i]);
    ++i;
  }
  return result;
}

std::u32string unix_breaks(const std::u32string& text) {
  std::u32string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    result.push_back(text[i] == '\r' ? U'\n' : text[i]);
  }
  return result;
}

std::u32string fix_segment(std::u32string text, bool html) {
  for (;;) {
    std::u32string fixed = html ? unescape_closed(text) : text;
    fixed = each(fixed, [](char32_t c) { return c >= 0x80 && c <= 0x9F ? windows_1252(c) : replaced(c); });
    fixed = each(fixed, replaced);  // quotes of windows-1252
    fixed = normal_form_c(without_controls(unix_breaks(fixed)));
    if (fixed == text) return text;
    text = std::move(fixed);
  }
}

std::u32string single_spaces(const std::u32string& text) {
  std::u32string result;
  bool space = false;
  for (const char32_t c : text) {
    if (is_space(c)) {
      space = !result.empty();
      continue;
    }
    if (space) result.push_back(' ');
    space = false;
    result.push_back(c);
  }
  return result;
}

}  // namespace

std::u32string fix_text(const std::u32string& text) {
  std::u32string result;
  bool html = true;
  for (size_t begin = 0; begin < text.size();) {
    const size_t found = text.find(U'\n', begin), end = found == text.npos ? text.size() : found + 1;
    const std::u32string segment = text.substr(begin, end - begin);
    html = html && segment.find(U'<') == segment.npos;
    result += fix_segment(segment, html);
    begin = end;
  }
  return result;
}

std::u32string clip_clean(const std::u32string& text) { return lower(single_spaces(html_unescape(html_unescape(fix_text(text))))); }

}  // namespace clb::text
