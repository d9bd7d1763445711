// The block of comments that is the header, cut out of a file.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace clb::python {

// The TOML of the block, with as many lines before it and columns in front of it as in `text`, so that what is said of a place in it is
// true of the file. Error when there is no block, no end of it, or a second one.
std::string toml_of_block(std::string_view text, const std::filesystem::path& file);

bool has_block(std::string_view text);

}  // namespace clb::python
