#include "unite.hpp"

#include <algorithm>
#include <map>

namespace clb::store {
namespace {

using Names = std::vector<std::string>;

struct Table {
  const char* name;
  Names identity;         // columns that name a row; those that hold ids of other rows are translated
  const char* order;      // in which its rows are appended, in columns of s (the source) and m_<column> (translated ids)
  Names may_differ = {};  // columns in which equal rows may differ
};

// Parents before children.
const std::vector<Table>& tables() {
  static const std::vector<Table> list{
      {"machine", {"key"}, "s.key"},
      {"build", {"key"}, "s.key"},
      {"plugin", {"key"}, "s.key"},
      {"dataset", {"key"}, "s.key"},
      {"weights", {"key"}, "s.key", {"name"}},  // the same weights under another file name
      {"protocol", {"key"}, "s.key"},
      {"config", {"key"}, "s.key"},
      {"parameter", {"config_id", "name"}, "m_config_id.dst, s.name"},
      {"run",
       {"key"},
       "(SELECT coalesce(min(started_at), 'never') FROM src.attempt WHERE run_id = s.id), s.key",
       {"experiment", "preset", "track", "capabilities"}},
      {"run_spec", {"run_id"}, "m_run_id.dst", {"spec"}},
      {"run_weights", {"run_id", "role"}, "m_run_id.dst, s.role"},
      {"run_experiment", {"run_id", "experiment"}, "m_run_id.dst, s.experiment"},
      {"attempt", {"uuid"}, "s.started_at, s.uuid"},
      {"attempt_event", {"attempt_id", "seq"}, "m_attempt_id.dst, s.seq"},
      {"hello", {"attempt_id", "seq"}, "m_attempt_id.dst, s.seq"},
      {"task", {"attempt_id", "after_task"}, "m_attempt_id.dst, s.after_task"},
      {"eval", {"attempt_id", "after_task", "on_group"}, "m_attempt_id.dst, s.after_task, s.on_group"},
      {"prediction", {"attempt_id", "after_task"}, "m_attempt_id.dst, s.after_task"},
      {"outcome", {"attempt_id", "after_task"}, "m_attempt_id.dst, s.after_task"},
      {"target", {"dataset_id", "split", "sha256"}, "m_dataset_id.dst, s.split, s.sha256", {"data"}},
      {"attempt_target", {"attempt_id"}, "m_attempt_id.dst"},
      {"logit_hash", {"attempt_id", "after_task"}, "m_attempt_id.dst, s.after_task"},
      {"scalar", {"attempt_id", "name", "task", "step"}, "m_attempt_id.dst, s.name, s.task, s.step"},
      {"span", {"attempt_id", "seq"}, "m_attempt_id.dst, s.seq"},
      {"resource", {"attempt_id", "name", "seq"}, "m_attempt_id.dst, s.name, s.seq"},
      {"second_look", {"attempt_id"}, "m_attempt_id.dst"},
      {"seal", {"attempt_id", "seq"}, "m_attempt_id.dst, s.seq"},
      {"reference", {"key"}, "s.key"},
      {"annotation", {"key"}, "s.key"},
      {"imported", {"key"}, "s.key"},
      {"imported_metric", {"imported_id", "metric"}, "m_imported_id.dst, s.metric"},
  };
  return list;
}

// The table whose ids a column holds; "" for a plain value.
std::string referred(const std::string& column) {
  if (column == "dataset_plugin_id") return "plugin";
  return column.size() > 3 && column.ends_with("_id") ? column.substr(0, column.size() - 3) : "";
}

std::string expression(const std::string& column) { return referred(column).empty() ? "s." + column : "m_" + column + ".dst"; }

Names columns_of(SQLite::Database& db, const char* table) {
  Names names;
  SQLite::Statement query(db, "SELECT name FROM pragma_table_info(?) WHERE name <> 'id'");
  query.bind(1, table);
  while (query.executeStep()) names.push_back(query.getColumn(0).getString());
  return names;
}

template <class Text>
std::string joined(const Names& names, const char* separator, Text text) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : separator) + text(name);
  return all;
}

// "src.eval AS s JOIN temp.map_attempt AS m_attempt_id ON ..."
std::string translated(const char* table, const Names& columns) {
  std::string sql = std::string("src.") + table + " AS s";
  for (const std::string& column : columns) {
    const std::string to = referred(column);
    if (!to.empty()) sql += " JOIN temp.map_" + to + " AS m_" + column + " ON m_" + column + ".src = s." + column;
  }
  return sql;
}

std::string same_row(const Table& table) {
  return joined(table.identity, " AND ", [](const std::string& name) { return "d." + name + " = " + expression(name); });
}

// Whoever changed a row by hand, or computed an attempt twice, is told which.
void refuse_conflict(SQLite::Database& db, const Table& table, const Names& columns, const fs::path& source) {
  Names values;
  for (const std::string& column : columns) {
    if (std::ranges::find(table.identity, column) == table.identity.end() &&
        std::ranges::find(table.may_differ, column) == table.may_differ.end())
      values.push_back(column);
  }
  if (values.empty()) return;
  const bool of_attempt = table.identity.front() == "attempt_id";
  const std::string label = of_attempt ? "'attempt ' || (SELECT uuid FROM src.attempt WHERE id = s.attempt_id)"
                                       : "'row ' || " + expression(table.identity.front());
  SQLite::Statement query(db, "SELECT " + label + " FROM " + translated(table.name, columns) + " JOIN main." + table.name + " AS d ON " +
                                  same_row(table) + " WHERE (" + joined(values, ", ", expression) + ") IS NOT (" +
                                  joined(values, ", ", [](const std::string& name) { return "d." + name; }) + ") LIMIT 1");
  if (query.executeStep())
    throw base::Error(source.string() + ": " + query.getColumn(0).getString() + " differs from the same one in another file (table " +
                      table.name + "); one of them was changed or computed twice, leave the wrong file out");
}

// Of two specs of one run the alphabetically first, with the columns that are taken from it; but one of a file that has sealed attempts at
// the run before one of a file that has not, since seals name the spec. Seals and attempts of `src` have not been taken over yet.
void keep_first_spec(SQLite::Database& db) {
  db.exec(R"sql(
    CREATE TEMP TABLE earlier AS SELECT m.dst AS id, s.spec AS spec, r.experiment, r.preset, r.track, r.capabilities
      FROM src.run_spec AS s JOIN src.run AS r ON r.id = s.run_id JOIN temp.map_run AS m ON m.src = s.run_id
      JOIN main.run_spec AS d ON d.run_id = m.dst WHERE s.spec <> d.spec AND
        (NOT EXISTS (SELECT 1 FROM src.seal JOIN src.attempt AS a ON a.id = attempt_id WHERE a.run_id = s.run_id), s.spec) <
        (NOT EXISTS (SELECT 1 FROM main.seal JOIN main.attempt AS a ON a.id = attempt_id WHERE a.run_id = d.run_id), d.spec);
    UPDATE main.run_spec SET spec = e.spec FROM temp.earlier AS e WHERE e.id = run_spec.run_id;
    UPDATE main.run SET experiment = e.experiment, preset = e.preset, track = e.track, capabilities = e.capabilities
      FROM temp.earlier AS e WHERE e.id = run.id;
    DROP TABLE temp.earlier)sql");
}

// The same weights under several file names: the alphabetically first.
void keep_first_name(SQLite::Database& db) {
  db.exec("UPDATE main.weights SET name = s.name FROM src.weights AS s WHERE s.key = weights.key AND s.name < weights.name");
}

struct Fork {  // where two histories of one attempt part
  int64_t src, dst, seq;
  std::string uuid, their_status, our_status, their_at, our_at;
  bool their_last, our_last;
};

std::vector<Fork> forks(SQLite::Database& db) {
  std::vector<Fork> list;
  SQLite::Statement query(db, R"sql(
    SELECT m.src, m.dst, min(s.seq), a.uuid, s.status, d.status, s.at, d.at,
      s.seq = (SELECT max(seq) FROM src.attempt_event WHERE attempt_id = m.src),
      d.seq = (SELECT max(seq) FROM main.attempt_event WHERE attempt_id = m.dst)
    FROM src.attempt_event AS s JOIN temp.map_attempt AS m ON m.src = s.attempt_id JOIN src.attempt AS a ON a.id = m.src
      JOIN main.attempt_event AS d ON d.attempt_id = m.dst AND d.seq = s.seq
    WHERE (s.at, s.status, s.reason, s.log_tail) IS NOT (d.at, d.status, d.reason, d.log_tail) GROUP BY m.src ORDER BY a.uuid)sql");
  while (query.executeStep()) {
    auto integer = [&](int column) { return query.getColumn(column).getInt64(); };
    auto text = [&](int column) { return query.getColumn(column).getString(); };
    list.push_back({integer(0), integer(1), integer(2), text(3), text(4), text(5), text(6), text(7), integer(8) != 0, integer(9) != 0});
  }
  return list;
}

// A "lost" at the end of a history is a guess of somebody who opened a copy: what the attempt said itself replaces it; of two guesses the
// earlier one stays.
void settle_histories(SQLite::Database& db, const fs::path& source) {
  for (const Fork& fork : forks(db)) {
    const bool their_guess = fork.their_last && fork.their_status == "lost", our_guess = fork.our_last && fork.our_status == "lost";
    if (!their_guess && !our_guess)
      throw base::Error(source.string() + ": attempt " + fork.uuid + " ended " + fork.their_status + " here and " + fork.our_status +
                        " in another file; it went on in two copies of one file, leave one of them out");
    const bool theirs = our_guess && (!their_guess || fork.their_at < fork.our_at);
    for (const char* rows : {"attempt_event WHERE attempt_id = ? AND seq >= ?", "seal WHERE attempt_id = ? AND event >= ?"}) {
      SQLite::Statement drop(db, std::string("DELETE FROM ") + (theirs ? "main." : "src.") + rows);
      drop.bind(1, theirs ? fork.dst : fork.src);
      drop.bind(2, fork.seq);
      drop.exec();
    }
  }
}

void map_ids(SQLite::Database& db, const Table& table, const Names& columns) {
  const std::string map = std::string("temp.map_") + table.name;
  db.exec("CREATE TABLE " + map + " (src INTEGER PRIMARY KEY, dst INTEGER NOT NULL)");
  db.exec("INSERT INTO " + map + " SELECT s.id, d.id FROM " + translated(table.name, columns) + " JOIN main." + table.name + " AS d ON " +
          same_row(table));
}

bool has_id(SQLite::Database& db, const char* table) {
  SQLite::Statement query(db, "SELECT 1 FROM pragma_table_info(?) WHERE name = 'id'");
  query.bind(1, table);
  return query.executeStep();
}

}  // namespace

void unite(SQLite::Database& db, const fs::path& source) {
  for (const Table& table : tables()) {
    const Names columns = columns_of(db, table.name);
    if (table.name == std::string("attempt_event")) settle_histories(db, source);
    refuse_conflict(db, table, columns, source);
    db.exec(std::string("INSERT INTO main.") + table.name + " (" + joined(columns, ", ", [](const std::string& name) { return name; }) +
            ") SELECT " + joined(columns, ", ", expression) + " FROM " + translated(table.name, columns) + " WHERE true ORDER BY " +
            table.order + " ON CONFLICT DO NOTHING");
    if (has_id(db, table.name)) map_ids(db, table, columns);
    if (table.name == std::string("run_spec")) keep_first_spec(db);
    if (table.name == std::string("weights")) keep_first_name(db);
  }
  for (const Table& table : tables()) {
    if (has_id(db, table.name)) db.exec(std::string("DROP TABLE temp.map_") + table.name);
  }
}

}  // namespace clb::store
