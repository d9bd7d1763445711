// The union of results files from many machines.
//
// Rows are the same when their content keys are (runs and what they are made of) or their UUIDs (attempts). The result holds them in one
// canonical order, local ids included, so that merging the same files in another order, or again, gives a file with the same dump. Files
// are only read: an older schema is migrated in a temporary copy.
//
// Runs that differ in what is no part of their key (paths, experiment, preset, track) keep the alphabetically first spec. An attempt may
// have gone on in one of the files: the longer history counts, and "lost", which is what a later writer concludes of an attempt that it
// found running, gives way to whatever the attempt itself reported. Anything else that differs under one key is a conflict, and an Error
// names it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace clb::store {

struct MergeCounts {
  int64_t runs = 0, new_runs = 0, attempts = 0, new_attempts = 0, imported = 0;  // new: not in `out` before
};

// `out` may exist; it is then one of the files. It is replaced as a whole (temporary name, fsync, rename) or, after any Error, left as it
// was. Error (exit 2) for a file that is missing, damaged, newer, or written to meanwhile by somebody who holds the lock of `out`.
MergeCounts merge(const std::filesystem::path& out, const std::vector<std::filesystem::path>& inputs);

}  // namespace clb::store
