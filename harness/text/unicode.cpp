#include "clb/text/unicode.hpp"

#include <utf8proc.h>

#include <clb/base/error.hpp>
#include <cstdlib>
#include <memory>

namespace clb::text {
namespace {

constexpr char32_t kDottedI = 0x130, kDotAbove = 0x307, kSigma = 0x3A3, kSmallSigma = 0x3C3, kFinalSigma = 0x3C2;

utf8proc_category_t category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

// What a capital sigma looks at: letters that have a case, through what has none and stands between.
bool is_cased(char32_t c) {
  const auto kind = category(c);
  const auto* property = utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
  return kind == UTF8PROC_CATEGORY_LU || kind == UTF8PROC_CATEGORY_LL || kind == UTF8PROC_CATEGORY_LT ||
         property->uppercase_seqindex != UINT16_MAX || property->lowercase_seqindex != UINT16_MAX;
}
bool is_case_ignorable(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:  // Word_Break = MidLetter, MidNumLet, Single_Quote
      return c == '\'' || c == '.' || c == ':' || c == 0xB7 || c == 0x387 || c == 0x55F || c == 0x5F4 || c == 0x2018 || c == 0x2019 ||
             c == 0x2024 || c == 0x2027 || c == 0xFE13 || c == 0xFE52 || c == 0xFE55 || c == 0xFF07 || c == 0xFF0E || c == 0xFF1A;
  }
}

bool ends_word(std::u32string_view text, size_t at) {
  size_t before = at, behind = at + 1;
  while (before > 0 && is_case_ignorable(text[before - 1])) --before;
  while (behind < text.size() && is_case_ignorable(text[behind])) ++behind;
  return before > 0 && is_cased(text[before - 1]) && !(behind < text.size() && is_cased(text[behind]));
}

std::u32string mapped(std::string_view utf8, int options) {
  utf8proc_uint8_t* result = nullptr;
  const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()), static_cast<utf8proc_ssize_t>(utf8.size()),
                                   &result, static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(result, std::free);
  if (length < 0) throw base::Error(std::string("a text cannot be normalised: ") + utf8proc_errmsg(length));
  return decode_utf8({reinterpret_cast<const char*>(result), static_cast<size_t>(length)});
}

}  // namespace

std::u32string decode_utf8(std::string_view text) {
  std::u32string result;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t c = 0;
    const auto used = utf8proc_iterate(bytes + at, static_cast<utf8proc_ssize_t>(text.size() - at), &c);
    if (used <= 0) throw base::Error("a text is not UTF-8 at its byte " + std::to_string(at) + "; store it as UTF-8");
    result.push_back(static_cast<char32_t>(c));
    at += static_cast<size_t>(used);
  }
  return result;
}

std::string encode_utf8(std::u32string_view text) {
  std::string result;
  for (const char32_t c : text) {
    utf8proc_uint8_t bytes[4];
    const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
    result.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
  }
  return result;
}

bool is_letter(char32_t c) { return category(c) >= UTF8PROC_CATEGORY_LU && category(c) <= UTF8PROC_CATEGORY_LO; }
bool is_number(char32_t c) { return category(c) >= UTF8PROC_CATEGORY_ND && category(c) <= UTF8PROC_CATEGORY_NO; }

bool is_space(char32_t c) {
  return (c >= 0x9 && c <= 0xD) || c == 0x85 || category(c) == UTF8PROC_CATEGORY_ZS || c == 0x2028 || c == 0x2029;
}

std::u32string lower(std::u32string_view text) {
  std::u32string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (c == kSigma) {
      result.push_back(ends_word(text, i) ? kFinalSigma : kSmallSigma);
    } else if (c == kDottedI) {
      result.append({U'i', kDotAbove});
    } else {
      result.push_back(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
    }
  }
  return result;
}

std::u32string upper(std::u32string_view text) {
  std::u32string result;
  for (const char32_t c : text) {
    if (c == 0xDF) {
      result.append(U"SS");
    } else {
      result.push_back(static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
    }
  }
  return result;
}

std::u32string normal_form_c(std::u32string_view text) { return mapped(encode_utf8(text), UTF8PROC_STABLE | UTF8PROC_COMPOSE); }

std::u32string compatible(char32_t c) { return mapped(encode_utf8({&c, 1}), UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT); }

}  // namespace clb::text
