// Words about tensors of a file, for the sentences of those who check one.
#pragma once

#include <clb/base/image_size.hpp>
#include <string>
#include <vector>

namespace clb::base {

// "[1, 197, 192]"
std::string sizes_text(const std::vector<int64_t>& sizes);

// "tensor 'a' is", "tensors 'a', 'b' are", "tensors 'a', 'b', 'c' and 9 more are".
std::string listed(const std::vector<std::string>& names, const char* one, const char* many);

bool is_floating(const std::string& dtype);  // of those that are read here

// The grid of patches that `rows` positions, the class token's among them, stand for: a square; where their number is none, one row of
// patches; nothing (0) where there is no class token or no patch.
ImageSize grid_of_positions(int64_t rows);

}  // namespace clb::base
