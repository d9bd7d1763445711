// What an archive was unpacked into, file by file: .clbench/files/ARCHIVE.txt in the data set's folder, "SIZE<tab>PATH" a line. Data sets
// of half a million files have a record of 30 MB so, which only the check of them reads.
#pragma once

#include <filesystem>
#include <string>

namespace clb::fetch {

// Of all files in `unpacked`, which are to lie in `below` of the data set's folder ("": in the folder itself).
void write_manifest(const std::filesystem::path& folder, const std::string& archive, const std::filesystem::path& unpacked,
                    const std::string& below);

// "" when each file is there and has its size, or when there is no record; else a sentence that names what is missing. Looks at names and
// sizes, reads no file.
std::string lacking(const std::filesystem::path& folder, const std::string& archive);

}  // namespace clb::fetch
