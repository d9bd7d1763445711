// Unpacking of tar (plain, gzip, xz) and zip. Foreign bytes: what an archive holds is looked at before the first of its files is written,
// and nothing of it lands outside of the folder that it is unpacked into.
//
// Refused, with a sentence that names archive and entry: absolute paths and such with "..", names with control characters, two entries of
// one name, links that lead outside, devices, pipes and sockets, more than the limits allow, and archives that are damaged or empty.
#pragma once

#include <clb/fetch/digest.hpp>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

namespace clb::fetch {

struct Limits {
  uint64_t entries = 20'000'000;
  uint64_t bytes = uint64_t{8} << 40;
  uint64_t ratio = 200;                           // of the unpacked bytes to those of the archive, ...
  uint64_t whatever_ratio = uint64_t{100} << 20;  // above so many bytes: short texts may well be packed a thousandfold
};

struct Contents {
  uint64_t entries = 0, bytes = 0;
  std::set<std::string> top;  // names at its top
};

// Reads the whole archive, writes nothing. Error: it is refused.
Contents look_into(const std::filesystem::path& archive, const Limits& limits = {}, const Progress& progress = {});

// Into a folder that is there, empty, and nobody else's. Permissions and times of the archive are not taken over. WriteError: the disk.
void unpack(const std::filesystem::path& archive, const std::filesystem::path& folder, const Limits& limits = {},
            const Progress& progress = {});

}  // namespace clb::fetch
