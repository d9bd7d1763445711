// The cache's folder: its mark, and which names in it are its own. What is not, nobody removes.
//
// CACHEDIR.TAG at its root (bford.info/cachedir) names clbench; programs that make backups leave such a folder out. Launcher and runner
// write it when they first use a folder in which nobody else keeps anything: a home folder given as --cache is never marked.
#pragma once

#include <filesystem>
#include <optional>

namespace clb::base {

namespace fs = std::filesystem;

inline constexpr const char* kCacheTag = "CACHEDIR.TAG";

// Makes the folder and marks it when it holds nothing but the cache's own. Says nothing when it cannot: who writes there will.
void prepare_cache(const fs::path& cache);

bool is_marked_cache(const fs::path& cache);

// Is this path below the cache (relative to it) of a kind that clbench writes there: sha256/, describe/, data/ and features/ with names
// made of hashes, locks, and temporary files of what is written?
bool is_own_in_cache(const fs::path& inner, bool folder);

// Something below the folder that is not the cache's own, links included; nullopt: there is nothing.
std::optional<fs::path> foreign_in_cache(const fs::path& cache);

}  // namespace clb::base
