// Character references of HTML in a text ("&amp;", "&#233;").
#pragma once

#include <string>

namespace clb::text {

// As Python's html.unescape: numbers, and the names of HTML 5, some of which may stand without ";".
std::u32string html_unescape(const std::u32string& text);

// As ftfy's unescape_html: references that end with ";" alone, and names of small letters also in capitals ("&EACUTE;").
std::u32string unescape_closed(const std::u32string& text);

// What bytes 0x80 to 0x9F of windows-1252 stand for; those that it leaves open stand for themselves.
std::u32string windows_1252(char32_t c1_control);

}  // namespace clb::text
