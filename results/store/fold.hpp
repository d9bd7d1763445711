// Moving what is committed from FILE-wal into FILE: all of it or nothing, so that FILE alone is a valid database at any other time, and a
// plain copy of it, too. SQLite's own automatic checkpoint moves a part when somebody reads older pages; what is then in FILE belongs to no
// moment.
#pragma once

#include "database.hpp"

namespace clb::store {

// Puts this in the place of the automatic checkpoint: the log is folded when it has become long.
void fold_when_long(SQLite::Database& db);

// Waits a moment for readers of older pages. A failure loses nothing: the rows stay where they are, in FILE-wal.
void fold(SQLite::Database& db);

}  // namespace clb::store
