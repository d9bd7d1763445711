// What is refused before toml++ sees a text, because toml++ does not survive it.
#pragma once

#include <string>
#include <string_view>

namespace clb::base::toml {

// Error with FILE:line:column. toml++ limits the depth of values but not of dotted keys, and destroys nested tables recursively; outside
// quotes and comments some letters that are not ASCII lead it into undefined behaviour (3.3.0, is_non_ascii_horizontal_whitespace).
void refuse_what_breaks_toml(std::string_view text, const std::string& name);

}  // namespace clb::base::toml
