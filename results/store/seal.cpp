#include "seal.hpp"

#include <algorithm>
#include <clb/base/sha256.hpp>
#include <cstring>

#include "checks.hpp"

namespace clb::store {
namespace {

using Names = std::vector<std::string>;

constexpr const char* kSealTable = "seal";

Names strings(SQLite::Database& db, const std::string& sql, const std::string& table) {
  Names names;
  SQLite::Statement query(db, sql);
  query.bind(1, table);
  while (query.executeStep()) names.push_back(query.getColumn(0).getString());
  return names;
}

bool has(const Names& names, const std::string& name) { return std::ranges::find(names, name) != names.end(); }

Names columns_of(SQLite::Database& db, const std::string& table) {
  return strings(db, "SELECT name FROM pragma_table_info(?) ORDER BY name", table);
}

// What names a row of `table` in every file.
std::string name_of_row(SQLite::Database& db, const std::string& table) {
  const Names columns = columns_of(db, table);
  return has(columns, "key") ? "key" : "sha256";
}

std::string expression(SQLite::Database& db, const std::string& table, const std::string& column) {
  SQLite::Statement query(db, "SELECT \"table\" FROM pragma_foreign_key_list(?) WHERE \"from\" = ?");
  query.bind(1, table);
  query.bind(2, column);
  if (!column.ends_with("_id") || !query.executeStep()) return "s." + column;
  const std::string parent = query.getColumn(0).getString();
  return "(SELECT " + name_of_row(db, parent) + " FROM " + parent + " WHERE id = s." + column + ")";
}

SealedTable sealed_table(SQLite::Database& db, const std::string& table) {
  const std::string owner = table == "attempt" ? "id" : "attempt_id";
  std::string list;
  for (const std::string& column : columns_of(db, table)) {
    if (column != "id" && column != owner) list += (list.empty() ? "" : ", ") + expression(db, table, column);
  }
  Names order = strings(db, "SELECT name FROM pragma_table_info(?) WHERE pk > 0 AND name NOT IN ('id', 'attempt_id') ORDER BY pk", table);
  if (order.empty() && table != "attempt") order = {list};
  std::string sql = "SELECT " + (list.empty() ? std::string("1") : list) + " FROM " + table + " AS s WHERE s." + owner + " = ?1";
  if (table == kSealTable) sql += " AND s.seq < ?2";
  for (size_t i = 0; i < order.size(); ++i) sql += (i == 0 ? " ORDER BY " : ", ") + order[i];
  return {table, sql};
}

// Type, length and bytes, so that no two lists of values give the same text.
void add(base::Sha256& hash, const SQLite::Column& value) {
  std::string bytes;
  if (value.isFloat()) {
    const double number = value.getDouble();
    bytes.resize(sizeof number);
    std::memcpy(bytes.data(), &number, sizeof number);
  } else if (!value.isNull()) {
    bytes = value.getString();
  }
  hash.update(std::to_string(value.getType()) + ":" + std::to_string(bytes.size()) + ":");
  hash.update(bytes);
}

std::string spec_digest(SQLite::Database& db, int64_t attempt) {
  SQLite::Statement query(db, "SELECT spec FROM run_spec WHERE run_id = (SELECT run_id FROM attempt WHERE id = ?)");
  query.bind(1, attempt);
  return query.executeStep() ? base::hex(base::sha256(query.getColumn(0).getString())) : "";
}

bool has_ended(SQLite::Database& db, int64_t attempt, int64_t& event) {
  SQLite::Statement query(db, "SELECT seq, status FROM attempt_event WHERE attempt_id = ? ORDER BY seq DESC LIMIT 1");
  query.bind(1, attempt);
  if (!query.executeStep()) return false;
  event = query.getColumn(0).getInt64();
  return query.getColumn(1).getString() != "running";
}

}  // namespace

std::vector<SealedTable> sealed_tables(SQLite::Database& shape) {
  Names names;
  SQLite::Statement query(shape, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
  while (query.executeStep()) names.push_back(query.getColumn(0).getString());
  std::vector<SealedTable> tables;
  for (const std::string& name : names) {
    if (name == "attempt" || has(columns_of(shape, name), "attempt_id")) tables.push_back(sealed_table(shape, name));
  }
  return tables;
}

std::map<std::string, std::string> digests_of(SQLite::Database& db, const std::vector<SealedTable>& tables, int64_t attempt,
                                              int64_t seal_seq) {
  std::map<std::string, std::string> digests;
  for (const SealedTable& table : tables) {
    SQLite::Statement query(db, table.sql);
    query.bind(1, attempt);
    if (table.name == kSealTable) query.bind(2, seal_seq);
    base::Sha256 hash;
    bool any = false;
    while (query.executeStep()) {
      any = true;
      for (int column = 0; column < query.getColumnCount(); ++column) add(hash, query.getColumn(column));
    }
    if (any) digests[table.name] = base::hex(hash.finish());
  }
  return digests;
}

std::string Seal::sha256() const { return content_key("seal", {seq, event, schema, spec, digests}); }

void seal_if_ended(SQLite::Database& db, const std::vector<SealedTable>& tables, int64_t attempt) {
  int64_t event = 0;
  if (!has_ended(db, attempt, event)) return;
  Seal seal{next_seq(db, kSealTable, attempt), event, pragma(db, "user_version"), spec_digest(db, attempt), {}};
  seal.digests = base::canonical(base::Json(digests_of(db, tables, attempt, seal.seq)));
  insert(db, kSealTable,
         {{"attempt_id", attempt},
          {"seq", seal.seq},
          {"event", seal.event},
          {"schema", seal.schema},
          {"spec", seal.spec},
          {"digests", seal.digests},
          {"sha256", seal.sha256()}});
}

}  // namespace clb::store
