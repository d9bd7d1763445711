// Paths inside JSON. A path is bytes, JSON is UTF-8: a byte that belongs to no UTF-8 sequence b becomes the character U+F700 + b of the
// private area, and back. Paths in UTF-8, which nearly all are, stay as they are.
#pragma once

#include <string>
#include <string_view>

namespace clb::base {

std::string path_text(std::string_view path);   // for JSON; always UTF-8
std::string path_bytes(std::string_view text);  // what path_text was given

}  // namespace clb::base
