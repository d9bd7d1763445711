#include <sqlite3.h>

#include <algorithm>
#include <clb/store/merge.hpp>
#include <set>

#include "blob.hpp"
#include "journal.hpp"
#include "open.hpp"
#include "schema.hpp"
#include "unite.hpp"

namespace clb::store {
namespace {

void drop_triggers(SQLite::Database& db) {
  std::vector<std::string> names;
  SQLite::Statement query(db, "SELECT name FROM sqlite_schema WHERE type = 'trigger'");
  while (query.executeStep()) names.push_back(query.getColumn(0).getString());
  query.reset();
  for (const std::string& name : names) db.exec("DROP TRIGGER \"" + name + "\"");
}

void check_references(SQLite::Database& db, const fs::path& file) {
  SQLite::Statement query(db, "PRAGMA foreign_key_check");
  if (query.executeStep())
    throw base::Error(file.string() + ": the database is damaged (a row of " + query.getColumn(0).getString() +
                      " belongs to a row that is not there); leave it out");
}

// A consistent copy of `file` in the newest schema. The file may be written to meanwhile.
void copy_of(const fs::path& file, const fs::path& copy) {
  Reader reader(file, migrations());
  for (;;) {
    try {
      check_everything(reader.db(), file);
      SQLite::Database db = open_scratch(copy);
      if (SQLite::Backup(db, reader.db()).executeStep() != SQLITE_DONE)
        throw base::Error(file.string() + ": another program keeps the database locked; close it and try again");
      if (!reader.changed()) {
        db.exec("PRAGMA journal_mode = OFF");  // the copy's header says WAL, like the original's
        drop_triggers(db);
        check_references(db, file);
        return;
      }
    } catch (...) {  // a page torn by a writer that came meanwhile looks like damage
      if (!reader.failed_for_change()) throw;
    }
    reader.reopen();
  }
}

void unite_file(SQLite::Database& db, const fs::path& file, const fs::path& named) {
  SQLite::Statement attach(db, "ATTACH ? AS src");
  attach.bind(1, file.string());
  attach.exec();
  {
    SQLite::Transaction transaction(db);
    unite(db, named);
    transaction.commit();
  }
  db.exec("DETACH src");
}

// Two machines may compress one list of labels differently: what is merged is compressed here.
void repack_targets(SQLite::Database& db) {
  std::vector<std::pair<int64_t, std::string>> packed;
  SQLite::Statement query(db, "SELECT id, n, width, sha256, data FROM target");
  while (query.executeStep()) {
    const SQLite::Column data = query.getColumn(4);
    const Blob blob{query.getColumn(1).getInt64(), query.getColumn(2).getInt64(), query.getColumn(3).getString(),
                    std::string(static_cast<const char*>(data.getBlob()), static_cast<size_t>(data.getBytes()))};
    packed.emplace_back(query.getColumn(0).getInt64(), pack(unpack(blob, "targets of a dataset")).data);
  }
  SQLite::Statement update(db, "UPDATE target SET data = ? WHERE id = ?");
  for (const auto& [id, data] : packed) {
    bind(update, 1, Bytes{data});
    update.bind(2, id);
    update.exec();
    update.reset();
  }
}

int64_t count(SQLite::Database& db, const char* table) { return db.execAndGet(std::string("SELECT count(*) FROM ") + table).getInt64(); }

// A write-ahead log that a killed writer left would be replayed into the file that takes the old one's place.
void fold_log(const fs::path& file) {
  if (!fs::exists(file.string() + "-wal")) return;
  if (!base::file_system_of(file).local) return end_log(file);
  SQLite::Database db(file.string(), SQLite::OPEN_READWRITE);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

base::FileLock lock_of(const fs::path& out) {
  const fs::path folder = out.parent_path().empty() ? fs::path(".") : out.parent_path();
  if (!fs::is_directory(folder)) throw base::Error(out.string() + ": there is no folder " + folder.string() + "; make it first");
  return base::FileLock::own(out.string() + ".lock", out.string(), "wait for it, or merge into another file");
}

}  // namespace

MergeCounts merge(const fs::path& named_out, const std::vector<fs::path>& inputs) {
  const fs::path out = fs::weakly_canonical(fs::absolute(base::followed(named_out)));
  explained(out, [&] { check_writable(out); });
  const base::FileLock lock = lock_of(out);
  std::vector<fs::path> files;
  if (is_vacant(out)) {
    fs::remove(out.string() + "-journal");  // of a file that is gone
  } else {
    explained(out, [&] { roll_back(out); });
    files.push_back(out);
  }
  files.insert(files.end(), inputs.begin(), inputs.end());

  MergeCounts counts;
  const Scratch united(out), fresh(out);
  explained(out, [&] { fill(united.file(), migrations()); });
  std::set<fs::path> seen;
  for (const fs::path& file : files) {
    const fs::path real = fs::weakly_canonical(fs::absolute(file));
    if (!seen.insert(real).second) continue;
    explained(file, [&] {
      const Scratch copy(out);
      copy_of(real, copy.file());
      SQLite::Database db = open_scratch(united.file());
      drop_triggers(db);
      unite_file(db, copy.file(), file);
      if (real == out) counts = {.new_runs = -count(db, "run"), .new_attempts = -count(db, "attempt")};
    });
  }
  explained(out, [&] {
    fill(fresh.file(), migrations());
    {
      SQLite::Database stage = open_scratch(united.file());
      repack_targets(stage);
    }
    {
      SQLite::Database db = open_scratch(fresh.file());
      unite_file(db, united.file(), out);
      counts.runs = count(db, "run");
      counts.attempts = count(db, "attempt");
      counts.imported = count(db, "imported");
      counts.new_runs += counts.runs;
      counts.new_attempts += counts.attempts;
    }
    synchronise(fresh.file());
    if (fs::exists(out)) fold_log(out);
    rename_durably(fresh.file(), out);
  });
  return counts;
}

}  // namespace clb::store
