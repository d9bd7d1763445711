// Paths that stand in lists of other people.
#pragma once

#include <string>
#include <string_view>

namespace clb::tree {

// What is wrong with a path that is to lie below a folder, as the end of a sentence; "" when nothing is.
std::string path_fault(std::string_view path);

}  // namespace clb::tree
