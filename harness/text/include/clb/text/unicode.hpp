// Text as code points: UTF-8, classes of characters, lower case, normal form C. Tables are utf8proc's.
#pragma once

#include <string>
#include <string_view>

namespace clb::text {

std::u32string decode_utf8(std::string_view text);  // base::Error: not UTF-8
std::string encode_utf8(std::u32string_view text);

bool is_letter(char32_t c);  // \p{L}
bool is_number(char32_t c);  // \p{N}
bool is_space(char32_t c);   // Unicode's White_Space

// Full mapping as Python's str.lower(): a capital sigma at the end of a word becomes a final one, a dotted capital I two characters.
std::u32string lower(std::u32string_view text);

std::u32string upper(std::u32string_view text);  // of each character, a sharp s two

std::u32string normal_form_c(std::u32string_view text);
std::u32string compatible(char32_t c);  // what normal form KC makes of one character

}  // namespace clb::text
