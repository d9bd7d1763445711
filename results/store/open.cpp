#include "open.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <clb/base/temporary.hpp>
#include <fstream>
#include <system_error>

#include "checks.hpp"
#include "fold.hpp"
#include "journal.hpp"
#include "schema.hpp"

namespace clb::store {
namespace {

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

}  // namespace

void migrate(SQLite::Database& db, int64_t from, const std::vector<std::string>& steps) {
  db.exec("PRAGMA foreign_keys = OFF");
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::EXCLUSIVE);
  for (size_t step = static_cast<size_t>(from); step < steps.size(); ++step) db.exec(steps[step]);
  db.exec("PRAGMA user_version = " + std::to_string(steps.size()));
  db.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
  transaction.commit();
}

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

SQLite::Database open_scratch(const fs::path& file) {
  SQLite::Database db(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  open_alone(db);
  db.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA trusted_schema = OFF");
  return db;
}

void synchronise(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!done) throw base::Error(file.string() + ": cannot be written to disk; check its free space");
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

}  // namespace clb::store
