// What is looked at before and after a file is opened: that it is a results file, whole, and that what lies beside it is SQLite's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "database.hpp"

namespace clb::store {

inline constexpr int kBusyMs = 10'000;
// PRAGMA integrity_check reads every page and every index: above this size it would be most of the time of a command that only looks.
inline constexpr uintmax_t kFullCheckBytes = 32u << 20;

fs::path with_suffix(const fs::path& file, const std::string& suffix);
int64_t pragma(SQLite::Database& db, const std::string& name);

// Each throws an Error that names the file.
void check_identity(SQLite::Database& db, const fs::path& file, int64_t newest);   // ours, and of no newer clbench
void check_damage(SQLite::Database& db, const fs::path& file, const char* check);  // "integrity_check" or "quick_check"
void check_format(const fs::path& file);    // what SQLite would say later, before anything is left beside a file that is none of ours
void check_readable(const fs::path& file);  // a file, there, not empty, and no stand-in for one
void check_beside(const fs::path& file);    // SQLite takes what has these names for its own, and removes it

}  // namespace clb::store
