// Right or wrong, image by image, of one attempt: written when a task is committed, read by whoever computes intervals.
#pragma once

#include <clb/store/store.hpp>
#include <filesystem>
#include <vector>

#include "database.hpp"

namespace clb::store {

// Nothing where the attempt's labels are not there, or are not one for each prediction.
void append_outcome(SQLite::Database& db, const fs::path& file, int64_t attempt, int64_t after_task,
                    const std::vector<int64_t>& predictions);

// As they were written; of a file that has predictions but no such rows, from these.
std::vector<std::vector<Outcome>> outcomes_of(SQLite::Database& db, const fs::path& file, int64_t attempt);

}  // namespace clb::store
