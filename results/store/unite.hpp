// All rows of an attached results file into another one of the same schema.
#pragma once

#include "database.hpp"

namespace clb::store {

// Appends the rows of the attached database "src" that `db` lacks, ordered by content, so that into an empty `db` they come with canonical
// ids. `db` has no append-only triggers when it is not empty: histories and specs may have to be replaced. Error: a conflict, in which
// `source` is named.
void unite(SQLite::Database& db, const fs::path& source);

}  // namespace clb::store
