// Text for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace clb::base {

// Control characters become spaces: foreign text cannot move the cursor or colour the screen.
std::string printable(std::string_view text);

// Columns that a UTF-8 text takes on a terminal: 0 for combining marks, 2 for East Asian wide letters.
size_t display_width(const std::string& text);

}  // namespace clb::base
