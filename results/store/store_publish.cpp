#include <sqlite3.h>

#include "impl.hpp"

namespace clb::store {

void Store::publish(const fs::path& to) const {
  explained(to, [&] {
    const Scratch copy(to);
    {
      SQLite::Database db = open_scratch(copy.file());
      if (SQLite::Backup(db, impl_->db()).executeStep() != SQLITE_DONE)
        throw base::Error(file().string() + ": another program keeps the database locked; close it and try again");
      db.exec("PRAGMA journal_mode = OFF");  // the copy's header says WAL, like the original's
    }
    synchronise(copy.file());
    rename_durably(copy.file(), to);
  });
}

}  // namespace clb::store
