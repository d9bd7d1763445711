// Names that a person cannot tell apart: one written with whole letters (Unicode's form NFC, "é"), the other with letters and marks (NFD,
// "e" and an accent, as macOS stored names).
#pragma once

#include <string_view>

namespace clb::base {

// True when the two differ in that alone: where one has a letter outside ASCII the other may have a letter with marks behind it. Which
// letter with which mark is not looked up.
bool same_look(std::string_view a, std::string_view b);

}  // namespace clb::base
