// Opening a results file: created whole or not at all, migrated, checked for damage, and read without leaving anything behind.
#pragma once

#include <clb/base/file.hpp>
#include <clb/base/output.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "database.hpp"

namespace clb::store {

// The writer: holds FILE.lock for as long as it lives. Creates FILE (under another name, renamed when complete) or migrates it, after a
// copy of the old one was kept as FILE.v<old>. What is committed survives a power cut. The journal depends on where the file lies
// (journal.hpp); `note` is one sentence when it is not the usual one.
struct Writer {
  base::FileLock lock;
  std::unique_ptr<SQLite::Database> db;
  std::string note;
};
Writer open_writer(const fs::path& file, const std::vector<std::string>& steps);
Writer open_writer(const fs::path& file, const std::vector<std::string>& steps, const base::FileSystem& on);

// From version `from` to the newest, as one transaction. Foreign keys are off meanwhile, so that a step may rebuild a table.
void migrate(SQLite::Database& db, int64_t from, const std::vector<std::string>& steps);

// A file under a name of its own beside another, made empty here; removed with everything that SQLite puts beside it.
class Scratch {
 public:
  explicit Scratch(const fs::path& beside);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const fs::path& file() const { return file_; }

 private:
  fs::path file_;
};

// A database that nobody else sees, so nothing has to survive a power cut before it is complete.
SQLite::Database open_scratch(const fs::path& file);
void synchronise(const fs::path& file);  // what is complete is on disk then

// A results file without rows: made under another name and renamed when it is complete, or within an empty file.
void create(const fs::path& file, const std::vector<std::string>& steps);
void fill(const fs::path& file, const std::vector<std::string>& steps);
bool is_vacant(const fs::path& file);  // nothing is there, or an empty file, as mktemp leaves one
// Error when something else than a database is there. Asked before a lock is left beside a file that is none of ours.
void check_writable(const fs::path& file);
// A rename is durable only when its folder is. What is replaced hands on its permissions.
void rename_durably(const fs::path& from, const fs::path& to);

void check_everything(SQLite::Database& db, const fs::path& file);  // PRAGMA integrity_check; Error when it finds anything

// A reader needs no write permission and makes no file. A file in WAL mode to which nobody writes has no FILE-wal beside it, and is opened
// as immutable; should a writer come meanwhile, changed() says so, and what was read must be read again after reopen(). A file with a
// rollback journal is read under SQLite's own locks, of which nothing stays. An older version is migrated in memory.
class Reader {
 public:
  Reader(fs::path file, const std::vector<std::string>& steps);
  SQLite::Database& db() { return *db_; }
  bool changed() const;
  bool failed_for_change() const;  // asked after a failure: a writer changed the file, or the mode that it has
  void reopen();

 private:
  void connect(bool immutable);
  void connect_plainly();
  bool end_log_of_killed() const;

  fs::path file_;
  const std::vector<std::string>& steps_;
  std::unique_ptr<SQLite::Database> db_;
  std::optional<base::Stamp> stamp_;  // of the file when it was opened as immutable
  bool plain_ = false;                // it had a rollback journal when it was opened
};

}  // namespace clb::store
