// What is said of a row beside its numbers.
#pragma once

#include <optional>
#include <string>

#include "site.hpp"

namespace clb::report {

// How far its numbers can be trusted, in one word: imported | submitted | audited | run here.
struct Level {
  std::string word, why;
  std::string recount;  // "audited: 75 of 75 runs recounted"; empty: no audit was made
};
Level level_of(const TableRow& row, const LeaderboardOptions& options);

std::string row_id(const Table& table, const Section& section, const TableRow& row);  // "r-0123456789": the same as long as the row is
std::string table_id(const Table& table);                                             // "t-0123456789"

// short_name, with the beginning of the key where several tables have it.
std::string table_name(const Report& report, const Table& table);

int64_t finished_runs(const TableRow& row);  // runs that ended ok; of an imported row what its source gives
bool complete(const TableRow& row);          // all of its runs did
std::string run_count(const TableRow& row);  // "9 runs (3 seeds x 3 class orders)", "2 of 3 runs"

// What filters ask: "1", "0", or "" where nobody knows.
struct Uses {
  std::string replay, text;
};
Uses uses_of(const TableRow& row);

// Of the first column, in points, over the nearest class mean on the same frozen network: a row of simplecil in the same table.
std::optional<double> gain(const Table& table, const Section& section, const TableRow& row);

}  // namespace clb::report
