#include "fold.hpp"

#include <sqlite3.h>

#include <chrono>
#include <thread>

#include "checks.hpp"

namespace clb::store {
namespace {

constexpr int kLong = 4000;  // pages of 4 KiB
constexpr int kTries = 20;   // 10 ms each

struct Patience {
  sqlite3* db;
  int tries;
};

// Called while somebody reads older pages. Giving up alone would not do: SQLite would move the pages that the reader does not need.
int wait_or_give_up(void* data, int tried) {
  const auto& patience = *static_cast<Patience*>(data);
  if (tried >= patience.tries) {
    sqlite3_interrupt(patience.db);
    return 0;
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return 1;
}

void fold(sqlite3* db, int tries) {
  Patience patience{db, tries};
  sqlite3_busy_handler(db, wait_or_give_up, &patience);
  sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_FULL, nullptr, nullptr);
  sqlite3_busy_timeout(db, kBusyMs);
}

int after_commit(void*, sqlite3* db, const char*, int pages) {
  if (pages >= kLong) fold(db, 0);
  return SQLITE_OK;
}

}  // namespace

void fold_when_long(SQLite::Database& db) { sqlite3_wal_hook(db.getHandle(), after_commit, nullptr); }

void fold(SQLite::Database& db) { fold(db.getHandle(), kTries); }

}  // namespace clb::store
