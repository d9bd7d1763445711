// What lies at a path. Nothing here throws: what cannot be looked at (no permission, a name that is too long) is not there.
#pragma once

#include <filesystem>
#include <string>

namespace clb::base {

bool is_there(const std::filesystem::path& path);   // something does, through links
bool is_taken(const std::filesystem::path& path);   // the name is: also by a link that leads nowhere
bool is_file(const std::filesystem::path& path);    // a regular one, through links
bool is_folder(const std::filesystem::path& path);  // likewise

// Why `path` can be no folder, as a sentence without its end: "PATH is a file" or "PATH is a link to TARGET, which is not there", of the
// path itself or of the first name above it; "" when it is a folder, or nothing stands in the way of making one.
std::string why_no_folder(const std::filesystem::path& path);

}  // namespace clb::base
