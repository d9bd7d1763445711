#include <sqlite3.h>

#include <algorithm>
#include <limits>

#include "blob.hpp"
#include "impl.hpp"
#include "outcome.hpp"

namespace clb::store {
namespace {

double real_of(const SQLite::Column& column) { return column.isNull() ? std::numeric_limits<double>::quiet_NaN() : column.getDouble(); }

constexpr const char* kEvals =
    "SELECT after_task, on_group, n, correct, correct5, correct_within, loss_sum FROM eval WHERE attempt_id = ? ORDER BY after_task, "
    "on_group";

// Counts are most of the rows of a file, millions of them. SQLiteCpp shares ownership of the statement with every column that is looked at,
// which would be a fifth of the time of a long table; here SQLite is asked directly.
class EvalQuery {
 public:
  explicit EvalQuery(SQLite::Database& db) : db_(db.getHandle()) { check(sqlite3_prepare_v2(db_, kEvals, -1, &statement_, nullptr)); }
  ~EvalQuery() { sqlite3_finalize(statement_); }
  EvalQuery(const EvalQuery&) = delete;
  EvalQuery& operator=(const EvalQuery&) = delete;

  std::vector<EvalRow> rows(int64_t attempt) {
    std::vector<EvalRow> rows;
    rows.reserve(64);  // ten tasks make 55
    sqlite3_reset(statement_);
    check(sqlite3_bind_int64(statement_, 1, attempt));
    int code = SQLITE_OK;
    while ((code = sqlite3_step(statement_)) == SQLITE_ROW) {
      auto integer = [&](int column) { return static_cast<int64_t>(sqlite3_column_int64(statement_, column)); };
      const bool finite = sqlite3_column_type(statement_, 6) != SQLITE_NULL;
      rows.push_back({integer(0),
                      {integer(1), integer(2), integer(3), integer(4), integer(5),
                       finite ? sqlite3_column_double(statement_, 6) : std::numeric_limits<double>::quiet_NaN()}});
    }
    check(code == SQLITE_DONE ? SQLITE_OK : code);
    return rows;
  }

 private:
  void check(int code) {
    if (code != SQLITE_OK) throw SQLite::Exception(db_, code);
  }

  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
};

void add_metrics_of(SQLite::Statement& query, std::vector<base::Metric>& list) {
  while (query.executeStep())
    list.push_back(
        {query.getColumn(0).getString(), query.getColumn(1).getInt64(), query.getColumn(2).getInt64(), real_of(query.getColumn(3))});
}

// What was called "pixels_read" has always counted images.
std::string name_today(const std::string& name) { return name == "pixels_read" ? "images_read" : name; }

std::map<std::string, double> resources_of(SQLite::Statement& query) {
  std::map<std::string, double> values;
  while (query.executeStep()) values[name_today(query.getColumn(0).getString())] = query.getColumn(1).getDouble();
  return values;
}

constexpr const char* kResources = "SELECT name, value FROM resource WHERE attempt_id = ? ORDER BY name, seq";

}  // namespace

std::optional<int64_t> Store::finished(const std::string& run_key, const std::string& plugin_hash, const std::string& runner_hash,
                                       bool any_build) const {
  return impl_->read([&](SQLite::Database& db) -> std::optional<int64_t> {
    SQLite::Statement query(db, R"sql(
      SELECT attempt.id FROM run JOIN attempt ON attempt.run_id = run.id JOIN plugin ON plugin.id = attempt.plugin_id
        JOIN attempt_status AS s ON s.attempt_id = attempt.id
      WHERE run.key = ? AND s.status = 'ok' AND (? OR (plugin.hash = ? AND attempt.runner_hash = ?))
      ORDER BY attempt.started_at DESC, attempt.id DESC LIMIT 1)sql");
    query.bind(1, run_key);
    query.bind(2, any_build ? 1 : 0);
    query.bind(3, plugin_hash);
    query.bind(4, runner_hash);
    if (!query.executeStep()) return std::nullopt;
    return query.getColumn(0).getInt64();
  });
}

std::optional<int64_t> Store::interrupted(const std::string& run_key, const std::string& plugin_hash,
                                          const std::string& runner_hash) const {
  return impl_->read([&](SQLite::Database& db) -> std::optional<int64_t> {
    SQLite::Statement query(db, R"sql(
      SELECT attempt.id FROM run JOIN attempt ON attempt.run_id = run.id JOIN plugin ON plugin.id = attempt.plugin_id
        JOIN attempt_status AS s ON s.attempt_id = attempt.id
      WHERE run.key = ? AND s.status NOT IN ('ok', 'running') AND plugin.hash = ? AND attempt.runner_hash = ?
      ORDER BY attempt.started_at DESC, attempt.id DESC LIMIT 1)sql");
    query.bind(1, run_key);
    query.bind(2, plugin_hash);
    query.bind(3, runner_hash);
    if (!query.executeStep()) return std::nullopt;
    return query.getColumn(0).getInt64();
  });
}

std::string Store::start_in_future() const {
  return impl_->read([](SQLite::Database& db) -> std::string {
    SQLite::Statement query(db, R"sql(SELECT started_at FROM attempt WHERE id = (SELECT max(id) FROM attempt)
      AND started_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 minute'))sql");
    return query.executeStep() ? query.getColumn(0).getString() : "";
  });
}

std::string Store::attempt_uuid(int64_t attempt) const {
  return impl_->read([&](SQLite::Database& db) {
    SQLite::Statement query(db, "SELECT uuid FROM attempt WHERE id = ?");
    query.bind(1, attempt);
    if (!query.executeStep())
      throw base::Error(impl_->file.string() + ": has no attempt " + std::to_string(attempt), base::Exit::kInternal);
    return query.getColumn(0).getString();
  });
}

std::vector<EvalRow> Store::evals(int64_t attempt) const {
  return impl_->read([&](SQLite::Database& db) { return EvalQuery(db).rows(attempt); });
}

void Store::results(const std::vector<int64_t>& attempts, const std::vector<std::string>& metrics,
                    const std::function<void(size_t, AttemptResults)>& visit) const {
  impl_->read([&](SQLite::Database& db) {
    EvalQuery evals(db);
    SQLite::Statement resources(db, kResources);
    SQLite::Statement scalars(db,
                              "SELECT name, task, step, value FROM scalar WHERE attempt_id = ?1 AND name >= ?2 AND name < ?2 || '0' "
                              "AND (name = ?2 OR name > ?2 || '/') ORDER BY name, task, step");
    auto start = [](SQLite::Statement& query, int64_t attempt) -> SQLite::Statement& {
      query.reset();
      query.bind(1, attempt);
      return query;
    };
    for (size_t i = 0; i < attempts.size(); ++i) {
      AttemptResults found{evals.rows(attempts[i]), resources_of(start(resources, attempts[i])), {}};
      for (const std::string& name : metrics) {
        start(scalars, attempts[i]).bind(2, name);
        add_metrics_of(scalars, found.metrics);
      }
      visit(i, std::move(found));
    }
    return true;
  });
}

std::vector<std::vector<int64_t>> Store::classes(int64_t attempt) const {
  return impl_->read([&](SQLite::Database& db) {
    std::vector<std::vector<int64_t>> tasks;
    SQLite::Statement query(db, "SELECT classes FROM task WHERE attempt_id = ? ORDER BY after_task");
    query.bind(1, attempt);
    while (query.executeStep()) {
      const std::string where = impl_->file.string() + ": classes of a task of attempt " + std::to_string(attempt);
      const base::Json list = base::parse_json(query.getColumn(0).getString(), where);
      if (!list.is_array() || !std::ranges::all_of(list, [](const base::Json& id) { return id.is_number_integer(); }))
        throw base::Error(where + " are no list of integers");
      tasks.push_back(list.get<std::vector<int64_t>>());
    }
    return tasks;
  });
}

std::vector<int64_t> Store::prediction(int64_t attempt, int64_t after_task) const {
  const std::string where =
      impl_->file.string() + ": prediction of attempt " + std::to_string(attempt) + " after task " + std::to_string(after_task);
  return impl_->read([&](SQLite::Database& db) {
    SQLite::Statement query(db, "SELECT n, width, sha256, data FROM prediction WHERE attempt_id = ? AND after_task = ?");
    query.bind(1, attempt);
    query.bind(2, after_task);
    if (!query.executeStep()) throw base::Error(where + ": there is none; that task has not been committed");
    return unpack(blob_of(query), where);
  });
}

std::vector<std::string> Store::prediction_hashes(int64_t attempt) const {
  return impl_->read([&](SQLite::Database& db) {
    std::vector<std::string> hashes;
    SQLite::Statement query(db, "SELECT CASE n WHEN 0 THEN '' ELSE sha256 END FROM prediction WHERE attempt_id = ? ORDER BY after_task");
    query.bind(1, attempt);
    while (query.executeStep()) hashes.push_back(query.getColumn(0).getString());
    return hashes;
  });
}

std::vector<std::vector<Outcome>> Store::outcomes(int64_t attempt) const {
  return impl_->read([&](SQLite::Database& db) { return outcomes_of(db, impl_->file, attempt); });
}

std::set<int64_t> Store::attempts_with_predictions() const {
  return impl_->read([&](SQLite::Database& db) {
    std::set<int64_t> attempts;
    SQLite::Statement query(db,
                            "SELECT DISTINCT attempt_id FROM prediction WHERE EXISTS "
                            "(SELECT 1 FROM attempt_target AS t WHERE t.attempt_id = prediction.attempt_id)");
    while (query.executeStep()) attempts.insert(attempts.end(), query.getColumn(0).getInt64());
    return attempts;
  });
}

base::Targets Store::targets(int64_t attempt) const {
  const std::string where = impl_->file.string() + ": targets of attempt " + std::to_string(attempt);
  return impl_->read([&](SQLite::Database& db) {
    SQLite::Statement query(
        db, "SELECT n, width, sha256, data, split FROM attempt_target JOIN target ON target.id = target_id WHERE attempt_id = ?");
    query.bind(1, attempt);
    if (!query.executeStep()) throw base::Error(where + ": there are none; the runner ended before it sent them");
    return base::Targets{query.getColumn(4).getString(), unpack(blob_of(query), where)};
  });
}

std::map<int64_t, std::string> Store::logit_hashes(int64_t attempt) const {
  return impl_->read([&](SQLite::Database& db) {
    std::map<int64_t, std::string> hashes;
    SQLite::Statement query(db, "SELECT after_task, sha256 FROM logit_hash WHERE attempt_id = ?");
    query.bind(1, attempt);
    while (query.executeStep()) hashes[query.getColumn(0).getInt64()] = query.getColumn(1).getString();
    return hashes;
  });
}

std::vector<base::Metric> Store::metrics(int64_t attempt) const {
  return impl_->read([&](SQLite::Database& db) {
    std::vector<base::Metric> list;
    SQLite::Statement query(db, "SELECT name, task, step, value FROM scalar WHERE attempt_id = ? ORDER BY name, task, step");
    query.bind(1, attempt);
    add_metrics_of(query, list);
    return list;
  });
}

std::vector<base::Span> Store::spans(int64_t attempt) const {
  return impl_->read([&](SQLite::Database& db) {
    std::vector<base::Span> list;
    SQLite::Statement query(db, "SELECT phase, task, wall_s, device_s FROM span WHERE attempt_id = ? ORDER BY seq");
    query.bind(1, attempt);
    while (query.executeStep())
      list.push_back(
          {query.getColumn(0).getString(), query.getColumn(1).getInt64(), query.getColumn(2).getDouble(), query.getColumn(3).getDouble()});
    return list;
  });
}

std::map<std::string, double> Store::resources(int64_t attempt) const {
  return impl_->read([&](SQLite::Database& db) {
    SQLite::Statement query(db, kResources);
    query.bind(1, attempt);
    return resources_of(query);
  });
}

std::optional<double> Store::expected_seconds(const base::RunSpec& spec) const {
  const std::string comparability = content_key("comparability", spec.comparability_json());
  return impl_->read([&](SQLite::Database& db) -> std::optional<double> {
    SQLite::Statement query(db, R"sql(
      SELECT avg((SELECT sum(wall_s) FROM span WHERE attempt_id = attempt.id))
      FROM run JOIN config ON config.id = run.config_id JOIN attempt ON attempt.run_id = run.id
        JOIN attempt_status AS s ON s.attempt_id = attempt.id
      WHERE run.comparability_key = ? AND config.method = ? AND run.precision = ? AND s.status = 'ok')sql");
    query.bind(1, comparability);
    query.bind(2, spec.method.id);
    query.bind(3, spec.precision);
    if (!query.executeStep() || query.getColumn(0).isNull()) return std::nullopt;
    return query.getColumn(0).getDouble();
  });
}

}  // namespace clb::store
