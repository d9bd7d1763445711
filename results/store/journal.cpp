#include "journal.hpp"

#include <array>
#include <fstream>
#include <string_view>

namespace clb::store {
namespace {

// A commit waits for readers here, and the runs wait meanwhile; giving up would end them.
constexpr int kPatienceMs = 600'000;

std::string mode_after(SQLite::Database& db, const char* wanted) {
  return db.execAndGet(std::string("PRAGMA journal_mode = ") + wanted).getString();
}

void use_rollback(SQLite::Database& db, const fs::path& file) {
  if (const std::string mode = mode_after(db, "DELETE"); mode != "delete")
    throw base::Error(file.string() + ": SQLite keeps its journal mode \"" + mode +
                      "\", which is not safe on this file system; close every program that has the file open and try again");
  db.exec("PRAGMA locking_mode = NORMAL");
  db.execAndGet("PRAGMA user_version");   // the lock is given back at the next access
  db.exec("PRAGMA synchronous = EXTRA");  // the journal's removal is the commit: the folder is synchronised, too
  db.setBusyTimeout(kPatienceMs);
  std::error_code ignored;
  fs::remove(file.string() + "-shm", ignored);  // a reader's, of the time of the log
}

}  // namespace

bool says_wal(const fs::path& file) {
  std::array<char, 20> head{};
  std::ifstream in(file, std::ios::binary);
  return in.read(head.data(), head.size()) && std::string_view(head.data(), 15) == "SQLite format 3" && (head[18] == 2 || head[19] == 2);
}

void open_alone(SQLite::Database& db) { db.exec("PRAGMA locking_mode = EXCLUSIVE"); }

std::string set_journal(SQLite::Database& db, const fs::path& file, const base::FileSystem& on) {
  if (!on.local) {
    use_rollback(db, file);
    return file.string() + " lies on a file system that hosts share (" + on.name +
           "): it is written with a rollback journal in place of a write-ahead log, by one process at a time, and readers and the writer "
           "wait for each other";
  }
  if (const std::string mode = mode_after(db, "WAL"); mode != "wal") {
    use_rollback(db, file);
    return file.string() + ": SQLite can keep no write-ahead log here (file system: " + on.name +
           "); it is written with a rollback journal, and readers and the writer wait for each other";
  }
  db.exec("PRAGMA synchronous = FULL");
  return "";
}

void end_log(const fs::path& file) {
  SQLite::Database db(file.string(), SQLite::OPEN_READWRITE);
  open_alone(db);
  use_rollback(db, file);
}

void roll_back(const fs::path& file) {
  if (!fs::exists(file.string() + "-journal")) return;
  SQLite::Database db(file.string(), SQLite::OPEN_READWRITE);
  SQLite::Transaction(db, SQLite::TransactionBehavior::IMMEDIATE).commit();
}

}  // namespace clb::store
