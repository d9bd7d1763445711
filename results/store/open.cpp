#include "open.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <clb/base/foreign_format.hpp>
#include <clb/base/temporary.hpp>
#include <cstdio>
#include <fstream>
#include <system_error>

#include "fold.hpp"
#include "journal.hpp"
#include "schema.hpp"

namespace clb::store {
namespace {

constexpr int kBusyMs = 10'000;
// PRAGMA integrity_check reads every page and every index: above this size it would be most of the time of a command that only looks.
constexpr uintmax_t kFullCheckBytes = 32u << 20;

// SQLite's count of its memory, which nobody reads, takes one lock for all connections at every allocation: two reading threads would be no
// faster than one. Before the first connection, or it is refused.
const int no_memory_statistics = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);

fs::path with_suffix(const fs::path& file, const std::string& suffix) { return file.string() + suffix; }

int64_t pragma(SQLite::Database& db, const std::string& name) { return db.execAndGet("PRAGMA " + name).getInt64(); }

void check_identity(SQLite::Database& db, const fs::path& file, int64_t newest) {
  const int64_t application = pragma(db, "application_id"), version = pragma(db, "user_version");
  if (application != kApplicationId)
    throw base::Error(file.string() + ": is a database of another program, not results of clbench; give --db another file");
  if (version > newest)
    throw base::Error(file.string() + ": was written by a newer clbench (version " + std::to_string(version) +
                      " of the schema, this one knows " + std::to_string(newest) + "); use that clbench or another --db file");
  if (version < 1)
    throw base::Error(file.string() + ": the database is damaged (schema version " + std::to_string(version) +
                      "); restore it from a copy, or move it away and run again");
}

void check_damage(SQLite::Database& db, const fs::path& file, const char* check) {
  const std::string found = db.execAndGet(std::string("PRAGMA ") + check + "(1)").getString();
  if (found != "ok")
    throw base::Error(file.string() + ": the database is damaged (" + one_line(found) +
                      "); restore it from a copy, or move it away and run again");
}

// What SQLite would say later, before anything is left beside a file that is none of ours.
void check_format(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  char head[16] = {};
  if (in && (!in.read(head, sizeof head) || std::string_view(head, 15) != "SQLite format 3"))
    throw base::Error(file.string() +
                      ": is not a results database (SQLite does not know its format); give --db another file or move this one away");
}

void check_readable(const fs::path& file) {
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (!fs::exists(status)) throw base::Error(file.string() + ": no such results file; `clbench run` makes one, --db names another");
  if (!fs::is_regular_file(status))
    throw base::Error(file.string() + ": is not a file, expected a results database; give --db another file");
  if (fs::file_size(file, error) == 0)
    throw base::Error(file.string() + ": is empty, expected a results database; remove it, or give --db another file");
  std::array<char, 512> begin{};
  std::ifstream in(file, std::ios::binary);
  in.read(begin.data(), begin.size());
  const std::string said = base::stand_in({reinterpret_cast<const uint8_t*>(begin.data()), static_cast<size_t>(in.gcount())});
  if (!said.empty()) throw base::Error(file.string() + ": " + said);
}

// SQLite takes what lies beside a database under these names for its own, and removes it.
void check_beside(const fs::path& file) {
  constexpr uintmax_t kShmRegion = 32768;
  const auto is_own = [](const fs::path& beside, const std::string& suffix) {
    std::error_code error;
    if (!fs::is_regular_file(fs::symlink_status(beside, error))) return false;
    const uintmax_t size = fs::file_size(beside, error);
    if (size == 0) return true;
    if (suffix == "-shm") return size % kShmRegion == 0;
    std::array<char, 8> head{};
    std::ifstream(beside, std::ios::binary).read(head.data(), head.size());
    const std::string_view begin(head.data(), head.size());
    if (suffix == "-wal") return begin.starts_with("\x37\x7f\x06\x82") || begin.starts_with("\x37\x7f\x06\x83");
    return begin == "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" || begin == std::string_view("\0\0\0\0\0\0\0\0", 8);
  };
  for (const char* suffix : {"-wal", "-shm", "-journal"}) {
    const fs::path beside = with_suffix(file, suffix);
    std::error_code error;
    if (fs::exists(fs::symlink_status(beside, error)) && !is_own(beside, suffix))
      throw base::Error(beside.string() + ": the database " + file.string() +
                        " needs this name, and what is there is not SQLite's; move it away, or give --db another file");
  }
}

// From version `from` to the newest, as one transaction. Foreign keys are off meanwhile, so that a step may rebuild a table.
void migrate(SQLite::Database& db, int64_t from, const std::vector<std::string>& steps) {
  db.exec("PRAGMA foreign_keys = OFF");
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::EXCLUSIVE);
  for (size_t step = static_cast<size_t>(from); step < steps.size(); ++step) db.exec(steps[step]);
  db.exec("PRAGMA user_version = " + std::to_string(steps.size()));
  db.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
  transaction.commit();
}

// "SQLite format 3", and the application's id where the file format has it.
bool is_results_file(const fs::path& file) {
  constexpr size_t kAt = 68;
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return false;
  std::ifstream in(file, std::ios::binary);
  unsigned char head[kAt + 4];
  if (!in.read(reinterpret_cast<char*>(head), sizeof head)) return false;
  const int64_t id = int64_t{head[kAt]} << 24 | head[kAt + 1] << 16 | head[kAt + 2] << 8 | head[kAt + 3];
  return std::string_view(reinterpret_cast<const char*>(head), 15) == "SQLite format 3" && id == kApplicationId;
}

void keep_copy(SQLite::Database& db, const fs::path& file, int64_t version) {
  const fs::path copy = with_suffix(file, ".v" + std::to_string(version));
  if (fs::exists(fs::symlink_status(copy))) {
    if (is_results_file(copy)) return;
    throw base::Error(copy.string() + ": exists and is no copy of the results file that is to be kept there; move it away and try again");
  }
  const Scratch fresh(copy);
  SQLite::Statement vacuum(db, "VACUUM INTO ?");
  vacuum.bind(1, fresh.file().string());
  vacuum.exec();
  rename_durably(fresh.file(), copy);
}

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

void rename_durably(const fs::path& from, const fs::path& to) {
  std::error_code none;
  if (const fs::file_status replaced = fs::status(to, none); fs::exists(replaced)) fs::permissions(from, replaced.permissions());
  fs::rename(from, to);
  const fs::path folder = to.parent_path().empty() ? fs::path(".") : to.parent_path();
  if (int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); fd >= 0) {
    ::fsync(fd);
    ::close(fd);
  }
}

Scratch::Scratch(const fs::path& beside) : file_(base::temporary_file_beside(beside)) {}

Scratch::~Scratch() {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) fs::remove(with_suffix(file_, suffix), ignored);
}

void create(const fs::path& file, const std::vector<std::string>& steps) {
  const Scratch fresh(file);
  fill(fresh.file(), steps);
  fs::remove(with_suffix(file, "-journal"));  // of a file that is gone; SQLite would roll it back into the new one
  rename_durably(fresh.file(), file);
}

void fill(const fs::path& file, const std::vector<std::string>& steps) {
  SQLite::Database db(file.string(), SQLite::OPEN_READWRITE, kBusyMs);
  migrate(db, 0, steps);  // without a write-ahead log: one whole file
}

bool is_vacant(const fs::path& file) {
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (!fs::exists(status)) return true;
  return fs::is_regular_file(status) && fs::file_size(file, error) == 0 && !fs::exists(with_suffix(file, "-wal"), error);
}

void check_everything(SQLite::Database& db, const fs::path& file) { check_damage(db, file, "integrity_check"); }

void check_writable(const fs::path& file) {
  if (is_vacant(file)) return;
  check_readable(file);
  check_format(file);
}

Writer open_writer(const fs::path& file, const std::vector<std::string>& steps) {
  return open_writer(file, steps, base::file_system_of(file));
}

Writer open_writer(const fs::path& file, const std::vector<std::string>& steps, const base::FileSystem& on) {
  const fs::path folder = file.parent_path().empty() ? fs::path(".") : file.parent_path();
  if (!fs::is_directory(folder))
    throw base::Error(file.string() + ": there is no folder " + folder.string() + "; make it, or give --db another file");
  check_writable(file);
  check_beside(file);
  base::FileLock lock = base::FileLock::own(with_suffix(file, ".lock"), file.string(),
                                            "wait for it, or give --db another file (`clbench merge` unites them)", on);
  if (is_vacant(file)) create(file, steps);
  check_readable(file);
  auto db = std::make_unique<SQLite::Database>(file.string(), SQLite::OPEN_READWRITE, kBusyMs);
  if (!on.local && says_wal(file)) open_alone(*db);
  db->exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
  check_identity(*db, file, static_cast<int64_t>(steps.size()));
  check_damage(*db, file, fs::file_size(file) < kFullCheckBytes ? "integrity_check" : "quick_check");
  std::string note = set_journal(*db, file, on);
  fold_when_long(*db);
  if (int64_t version = pragma(*db, "user_version"); version < static_cast<int64_t>(steps.size())) {
    keep_copy(*db, file, version);
    migrate(*db, version, steps);
  }
  db->exec("PRAGMA foreign_keys = ON");
  base::remove_stale_temporaries(folder, file.filename().string());  // of a writer that was killed
  return {std::move(lock), std::move(db), std::move(note)};
}

Reader::Reader(fs::path file, const std::vector<std::string>& steps) : file_(std::move(file)), steps_(steps) { reopen(); }

void Reader::reopen() {
  check_readable(file_);
  if (!says_wal(file_)) return connect_plainly();
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
