#include "checks.hpp"

#include <sqlite3.h>

#include <array>
#include <clb/base/foreign_format.hpp>
#include <fstream>
#include <system_error>

#include "schema.hpp"

namespace clb::store {
namespace {

// SQLite's count of its memory, which nobody reads, takes one lock for all connections at every allocation: two reading threads would be no
// faster than one. Before the first connection, or it is refused.
const int no_memory_statistics = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);

}  // namespace

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

}  // namespace clb::store
