// The seal of an attempt: a hash over all rows that each table holds of it, written with its last event. `clbench audit` computes it again,
// so that a value that nothing else repeats (a time, a memory size, a scalar, the hash of logits) cannot be changed unnoticed.
//
// Which rows and columns are covered is found in the schema: the attempt's own row, and every table with a column attempt_id. Local ids are
// left out, and those of other rows stand for what names these rows, so that a seal holds after a merge. A seal remembers the version of
// the schema, and is computed again over the columns of that version: later tables and columns do not break it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "database.hpp"

namespace clb::store {

// One statement for each table: all its rows of attempt ?1 in a fixed order. Of the table seal, those before seal ?2.
struct SealedTable {
  std::string name, sql;
};
std::vector<SealedTable> sealed_tables(SQLite::Database& shape);  // of the newest version

// Table -> SHA-256 in hex of its rows of the attempt; tables without one are left out.
std::map<std::string, std::string> digests_of(SQLite::Database& db, const std::vector<SealedTable>& tables, int64_t attempt,
                                              int64_t seal_seq);

struct Seal {
  int64_t seq = 0, event = 0, schema = 0;
  std::string spec, digests;   // SHA-256 of the run's spec as it was stored; JSON of digests_of
  std::string sha256() const;  // of the above
};

// Appends a seal when the attempt has ended; while it runs, nothing. To be called in the transaction of whatever was written of it.
void seal_if_ended(SQLite::Database& db, const std::vector<SealedTable>& tables, int64_t attempt);

}  // namespace clb::store
