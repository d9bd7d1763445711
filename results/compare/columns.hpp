// Text in aligned columns, the first to the left and the others to the right.
#pragma once

#include <clb/base/markup.hpp>
#include <clb/base/text.hpp>
#include <string>
#include <vector>

namespace clb::compare {

using Rows = std::vector<std::vector<std::string>>;
std::string aligned(const Rows& rows);  // titles first; two spaces between columns
using base::markdown_text;
using base::printable;
using base::xml_text;

}  // namespace clb::compare
