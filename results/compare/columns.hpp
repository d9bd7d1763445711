// Text in aligned columns, the first to the left and the others to the right.
#pragma once

#include <string>
#include <vector>

namespace clb::compare {

using Rows = std::vector<std::vector<std::string>>;
std::string aligned(const Rows& rows);           // titles first; two spaces between columns
std::string printable(const std::string& text);  // control characters become spaces

}  // namespace clb::compare
