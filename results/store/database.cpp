#include "database.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <clb/base/sha256.hpp>
#include <cmath>

namespace clb::store {

void bind(SQLite::Statement& statement, int index, const Value& value) {
  if (auto* integer = std::get_if<int64_t>(&value)) {
    statement.bind(index, *integer);
  } else if (auto* number = std::get_if<double>(&value)) {
    statement.bind(index, *number);
  } else if (auto* text = std::get_if<std::string>(&value)) {
    statement.bind(index, *text);
  } else if (auto* bytes = std::get_if<Bytes>(&value)) {
    statement.bindNoCopy(index, bytes->data.data(), static_cast<int>(bytes->data.size()));
  } else {
    statement.bind(index);
  }
}

Value real(double value) {
  if (!std::isfinite(value)) return nullptr;
  return value;
}

void insert(SQLite::Database& db, const std::string& table, const Row& row) {
  std::string names, marks;
  for (const auto& [name, value] : row) {
    names += (names.empty() ? "" : ", ") + std::string(name);
    marks += marks.empty() ? "?" : ", ?";
  }
  // Not INSERT OR IGNORE: that would also swallow a CHECK or NOT NULL that fails.
  SQLite::Statement statement(db, "INSERT INTO " + table + " (" + names + ") VALUES (" + marks + ") ON CONFLICT DO NOTHING");
  for (size_t i = 0; i < row.size(); ++i) bind(statement, static_cast<int>(i) + 1, row[i].second);
  statement.exec();
}

int64_t id_of(SQLite::Database& db, const std::string& table, const std::string& key, Row row) {
  SQLite::Statement find(db, "SELECT id FROM " + table + " WHERE key = ?");
  find.bind(1, key);
  if (find.executeStep()) return find.getColumn(0).getInt64();
  row.emplace_back("key", key);
  insert(db, table, row);
  return db.getLastInsertRowid();
}

std::string content_key(const std::string& kind, const base::Json& content) {
  return base::hex(base::sha256(std::string_view(base::canonical(base::Json::array({kind, content})))));
}

int64_t next_seq(SQLite::Database& db, const std::string& table, int64_t attempt) {
  SQLite::Statement query(db, "SELECT coalesce(max(seq), -1) + 1 FROM " + table + " WHERE attempt_id = ?");
  query.bind(1, attempt);
  query.executeStep();
  return query.getColumn(0).getInt64();
}

std::string one_line(std::string text) {
  if (text.starts_with("***")) text.erase(0, text.find('\n') + 1);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text;
}

base::Error explain(const SQLite::Exception& error, const fs::path& file) {
  const std::string name = file.string();
  const std::string said = one_line(error.what());
  switch (error.getErrorCode()) {
    case SQLITE_NOTADB:
      return base::Error(name +
                         ": is not a results database (SQLite does not know its format); give --db another file or move this one away");
    case SQLITE_CORRUPT:
      return base::Error(name + ": the database is damaged (" + said + "); restore it from a copy, or move it away and run again");
    case SQLITE_FULL:
      return base::Error(name + ": the disk is full and the last step was not written; free some space and run again");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return base::Error(name + ": another program keeps the database locked; close it and try again");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return base::Error(name + ": cannot be written (" + said + "); make the file and its folder writable, or give --db another file");
    case SQLITE_CANTOPEN:
      return base::Error(name + ": cannot be opened (" + said + "); check that you may read it, and write its folder when " + name +
                         "-wal is there");
    case SQLITE_IOERR:
      return base::Error(name + ": cannot be read or written (" + said +
                         "); check the disk, its free space, quota and the limit on file sizes (ulimit -f), then try again");
    case SQLITE_ERROR:
      return base::Error(name + ": the database has not the shape that this clbench expects (" + said +
                         "); it is damaged or was edited, restore it from a copy");
    default:
      return base::Error(name + ": SQLite refused a step (" + said + ", code " + std::to_string(error.getExtendedErrorCode()) + ")",
                         base::Exit::kInternal);
  }
}

}  // namespace clb::store
