// What every file of this room needs of SQLite: rows as lists of (column, value), content keys, and SQLite's errors as sentences.
#pragma once

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/SQLiteCpp.h>

#include <clb/base/error.hpp>
#include <clb/base/json.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace clb::store {

namespace fs = std::filesystem;

struct Bytes {  // borrowed until the statement has run
  const std::string& data;
};
using Value = std::variant<std::nullptr_t, int64_t, double, std::string, Bytes>;
using Row = std::vector<std::pair<const char*, Value>>;

void bind(SQLite::Statement& statement, int index, const Value& value);
Value real(double value);  // NULL when not finite: SQLite has no NaN

// Appends the row; one that breaks a uniqueness rule is already there and is left as it is.
void insert(SQLite::Database& db, const std::string& table, const Row& row);

// Id of the row of `table` with this content key; the row is appended when it is new.
int64_t id_of(SQLite::Database& db, const std::string& table, const std::string& key, Row row);

// SHA-256 of the canonical text of `content`, told apart by the kind of thing it names.
std::string content_key(const std::string& kind, const base::Json& content);

// The next value of `seq` for an attempt's rows in `table`.
int64_t next_seq(SQLite::Database& db, const std::string& table, int64_t attempt);

// SQLite speaks in several lines ("*** in database main ***\nPage 7: ...") and quotes SQL; a sentence has one line.
std::string one_line(std::string text);

// One sentence for the person at the terminal.
base::Error explain(const SQLite::Exception& error, const fs::path& file);

// Runs `body` and turns what SQLite and the file system throw into such a sentence.
template <class Body>
auto explained(const fs::path& file, Body body) {
  try {
    return body();
  } catch (const SQLite::Exception& error) {
    throw explain(error, file);
  } catch (const fs::filesystem_error& error) {
    throw base::Error(file.string() + ": " + error.code().message() + "; check the file and its folder");
  }
}

}  // namespace clb::store
