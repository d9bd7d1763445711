// How SQLite keeps a results file whole while it is written to, which depends on where the file lies.
//
// On a file system of this machine: a write-ahead log (WAL), so that readers and the writer never wait for each other. WAL keeps its index
// in shared memory, which processes of several hosts do not share, so on any other file system (base/file_system.hpp) a rollback journal:
// each commit waits until no reader is at work, and readers wait for a commit. A file that was moved changes its mode when it is next
// opened for writing.
#pragma once

#include <clb/base/file_system.hpp>
#include <string>

#include "database.hpp"

namespace clb::store {

// Whether the file says of itself that it is in WAL mode (bytes 18 and 19 of the file format).
bool says_wal(const fs::path& file);

// To be called before anything is read through `db`: then SQLite opens what is in WAL mode without shared memory, alone.
void open_alone(SQLite::Database& db);

// Sets the journal that fits, checks that SQLite took it, and returns one sentence when it is no WAL. Error when the mode that the file has
// cannot be left because somebody has it open.
std::string set_journal(SQLite::Database& db, const fs::path& file, const base::FileSystem& on);

// Moves what a writer that was killed, or an older clbench, left as FILE-wal into the file and ends its WAL mode, without shared memory.
// For whoever holds the writer's lock.
void end_log(const fs::path& file);

// Rolls back what a writer that was killed inside a commit left as FILE-journal, if it did. For whoever holds the writer's lock.
void roll_back(const fs::path& file);

}  // namespace clb::store
