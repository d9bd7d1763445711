#include <sqlite3.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>

#include "checks.hpp"
#include "journal.hpp"
#include "open.hpp"

namespace clb::store {
namespace {

std::string immutable_uri(const fs::path& file) {
  std::string uri = "file:";
  for (unsigned char c : file.string()) {
    char escaped[4] = {static_cast<char>(c), 0, 0, 0};
    if (!std::isalnum(c) && c != '/' && c != '-' && c != '_' && c != '.') std::snprintf(escaped, sizeof escaped, "%%%02X", c);
    uri += escaped;
  }
  return uri + "?immutable=1";
}

}  // namespace

Reader::Reader(fs::path file, const std::vector<std::string>& steps) : file_(std::move(file)), steps_(steps) { reopen(); }

void Reader::reopen() {
  check_readable(file_);
  if (!says_wal(file_) || end_log_of_killed()) return connect_plainly();
  bool immutable = !fs::exists(with_suffix(file_, "-wal"));
  for (;;) {
    try {
      connect(immutable);
      if (!changed()) return;
    } catch (...) {  // a page torn by a writer that came meanwhile looks like damage
      if (!immutable || !changed()) throw;
    }
    immutable = false;
  }
}

// Where hosts share the file a log can be read by none but its writer. False: there is none, its writer may live, or this process may not
// write; then SQLite says whether it can be read all the same.
bool Reader::end_log_of_killed() const {
  if (!fs::exists(with_suffix(file_, "-wal")) || base::file_system_of(file_).local) return false;
  try {
    const auto lock = base::FileLock::own(with_suffix(file_, ".lock"), file_.string(), "");
    end_log(file_);
    return true;
  } catch (const base::Error&) {
  } catch (const SQLite::Exception&) {
  }
  return false;
}

void Reader::connect_plainly() {
  constexpr int kRollbackNeeded = SQLITE_READONLY_ROLLBACK;
  try {
    connect(false);
  } catch (const SQLite::Exception& error) {
    if (error.getExtendedErrorCode() != kRollbackNeeded) throw;
    if (::access(file_.c_str(), W_OK) != 0 || ::access(file_.parent_path().c_str(), W_OK) != 0)
      throw base::Error(file_.string() +
                        ": a writer was killed inside a commit; whoever may write the file and its folder has to open it "
                        "once, with `clbench status` for example");
    const auto lock = base::FileLock::own(with_suffix(file_, ".lock"), file_.string(), "try again in a moment");
    roll_back(file_);
    connect(false);
  }
  plain_ = true;
}

void Reader::connect(bool immutable) {
  plain_ = false;
  stamp_.reset();
  db_.reset();
  // NOMUTEX: a Store belongs to one thread at a time, and a lock for each of millions of columns is a tenth of the time of a long table.
  if (immutable) {
    stamp_ = base::stamp_of(file_);
    db_ =
        std::make_unique<SQLite::Database>(immutable_uri(file_), SQLite::OPEN_READONLY | SQLite::OPEN_URI | SQLite::OPEN_NOMUTEX, kBusyMs);
  } else {
    db_ = std::make_unique<SQLite::Database>(file_.string(), SQLite::OPEN_READONLY | SQLite::OPEN_NOMUTEX, kBusyMs);
  }
  db_->exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -32768");  // KiB
  check_identity(*db_, file_, static_cast<int64_t>(steps_.size()));
  if (fs::file_size(file_) < kFullCheckBytes) check_everything(*db_, file_);
  const int64_t version = pragma(*db_, "user_version");
  if (version == static_cast<int64_t>(steps_.size())) return;
  auto copy = std::make_unique<SQLite::Database>(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  SQLite::Backup(*copy, *db_).executeStep();
  migrate(*copy, version, steps_);
  db_ = std::move(copy);
}

bool Reader::failed_for_change() const { return changed() || (plain_ && says_wal(file_)); }

bool Reader::changed() const {
  if (!stamp_) return false;
  return base::stamp_of(file_) != stamp_ || fs::exists(with_suffix(file_, "-wal"));
}

}  // namespace clb::store
