// Foreign text: whatever does not come from our own source. Names of classes, data sets, experiments, settings and files, citations, what a
// plugin says. Before it is shown it goes through the one function here or in markup.hpp that is for the place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace clb::base {

// For a terminal or a log: one line. Control characters, line and paragraph separators, marks that turn the direction of writing, invisible
// letters and bytes that are no UTF-8 become escapes that can be seen (\n, \x1b, \u202e): foreign text cannot move the cursor, break a
// table, colour the screen or say something else than it shows. A line that a CI server would take for a command does not begin like one.
std::string printable(std::string_view text);

// Columns that a UTF-8 text takes on a terminal: 0 for combining marks, 2 for East Asian wide letters.
size_t display_width(std::string_view text);

// As much of a printable text as fits into `columns`.
std::string cut_to_width(std::string_view text, size_t columns);

// The letter at text[at] as a code point and its length in bytes; kNoLetter and 1 where there is no UTF-8.
struct Letter {
  uint32_t point;
  size_t length;
};
inline constexpr uint32_t kNoLetter = 0xffffffff;
Letter letter_at(std::string_view text, size_t at);

}  // namespace clb::base
