// Space on a disk, folders and final names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace clb::fetch {

// Error when the file system below `folder` has no room for `bytes` more. `what`: "imagenet-r.tar takes".
void require_space(const std::filesystem::path& folder, uint64_t bytes, const std::string& what);

// With all folders above it. Error: a file, or a link that leads nowhere, stands in the way. WriteError: the disk.
void make_folder(const std::filesystem::path& folder);

// The sentence after a failed write.
std::string cannot_write(const std::filesystem::path& file, int error);

// A file or folder under its final name, there also after a power cut. Error when something is there already.
void rename_new(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace clb::fetch
