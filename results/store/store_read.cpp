#include <limits>

#include "blob.hpp"
#include "impl.hpp"

namespace clb::store {
namespace {

double real_of(const SQLite::Column& column) { return column.isNull() ? std::numeric_limits<double>::quiet_NaN() : column.getDouble(); }

Blob blob_of(SQLite::Statement& row) {  // columns n, width, sha256, data
  const SQLite::Column data = row.getColumn(3);
  Blob blob{row.getColumn(0).getInt64(), row.getColumn(1).getInt64(), row.getColumn(2).getString(), {}};
  if (data.getBytes() > 0) blob.data.assign(static_cast<const char*>(data.getBlob()), static_cast<size_t>(data.getBytes()));
  return blob;
}

// Columns of a RunRow; between the two stands which attempts "a" there are.
constexpr const char* kRunColumns = R"sql(
SELECT run.id AS run_id, a.id AS attempt_id, run.key AS key, run.comparability_key AS comparability_key, config.key AS config_key,
  a.uuid AS uuid, run.spec AS spec, run.seed AS seed, run.order_seed AS order_seed, run.tasks_planned AS tasks_planned,
  s.status AS status, s.reason AS reason, s.log_tail AS log_tail, s.at AS at,
  p.hash AS plugin_hash, p.version AS plugin_version, a.runner_hash AS runner_hash, a.libtorch AS libtorch, b.commit_hash AS commit_hash,
  a.command AS command, a.started_at AS started_at,
  m.cpu AS cpu, m.cpu_flags AS cpu_flags, m.gpu AS gpu, m.os AS os, m.cores AS cores, m.memory_bytes AS memory_bytes,
  h.device AS device, h.dtype AS dtype,
  (SELECT count(*) FROM attempt WHERE run_id = run.id) AS attempts,
  (SELECT count(*) FROM task WHERE attempt_id = a.id) AS tasks_done,
  (SELECT coalesce(sum(wall_s), 0.0) FROM span WHERE attempt_id = a.id) AS wall_s
FROM run
JOIN config ON config.id = run.config_id
)sql";
constexpr const char* kNewestAttempt = R"sql(
LEFT JOIN attempt AS a ON a.id = (
  SELECT attempt.id FROM attempt LEFT JOIN attempt_status AS t ON t.attempt_id = attempt.id
  WHERE attempt.run_id = run.id ORDER BY t.status = 'ok' DESC, attempt.started_at DESC, attempt.id DESC LIMIT 1)
)sql";
constexpr const char* kEveryAttempt = "JOIN attempt AS a ON a.run_id = run.id";
constexpr const char* kRunDetails = R"sql(
LEFT JOIN attempt_status AS s ON s.attempt_id = a.id
LEFT JOIN plugin AS p ON p.id = a.plugin_id
LEFT JOIN build AS b ON b.id = a.build_id
LEFT JOIN machine AS m ON m.id = a.machine_id
LEFT JOIN hello AS h ON h.attempt_id = a.id AND h.seq = (SELECT max(seq) FROM hello WHERE attempt_id = a.id)
)sql";

RunRow run_row(SQLite::Statement& row, const fs::path& file) {
  auto text = [&](const char* name) { return row.getColumn(name).getString(); };  // "" for NULL
  auto integer = [&](const char* name) { return row.getColumn(name).getInt64(); };
  RunRow run;
  run.run_id = integer("run_id");
  run.attempt_id = integer("attempt_id");
  run.attempts = integer("attempts");
  run.key = text("key");
  run.comparability_key = text("comparability_key");
  run.config_key = text("config_key");
  run.uuid = text("uuid");
  run.spec = base::parse_json(text("spec"), file.string() + ": spec of run " + run.key);
  run.status = {text("status"), text("reason"), text("log_tail"), text("at")};
  run.seed = integer("seed");
  run.order_seed = integer("order_seed");
  run.tasks_done = integer("tasks_done");
  run.tasks_planned = integer("tasks_planned");
  run.plugin_hash = text("plugin_hash");
  run.plugin_version = text("plugin_version");
  run.runner_hash = text("runner_hash");
  run.libtorch = text("libtorch");
  run.commit = text("commit_hash");
  run.command = text("command");
  run.started_at = text("started_at");
  run.machine = {text("cpu"), text("cpu_flags"), text("gpu"), text("os"), integer("cores"), integer("memory_bytes")};
  run.device = text("device");
  run.dtype = text("dtype");
  run.wall_s = row.getColumn("wall_s").getDouble();
  return run;
}

std::map<int64_t, std::vector<std::string>> experiments(SQLite::Database& db) {
  std::map<int64_t, std::vector<std::string>> names;
  SQLite::Statement query(db, "SELECT run_id, experiment FROM run_experiment ORDER BY run_id, experiment");
  while (query.executeStep()) names[query.getColumn(0).getInt64()].push_back(query.getColumn(1).getString());
  return names;
}

// Rows of every run joined with `attempts`.
std::vector<RunRow> run_rows(SQLite::Database& db, const fs::path& file, const char* attempts, const char* order) {
  const auto names = experiments(db);
  std::vector<RunRow> rows;
  SQLite::Statement query(db, std::string(kRunColumns) + attempts + kRunDetails + order);
  while (query.executeStep()) {
    RunRow row = run_row(query, file);
    if (auto found = names.find(row.run_id); found != names.end()) row.experiments = found->second;
    if (row.spec.is_object()) row.experiment = row.spec.value("experiment", "");
    rows.push_back(std::move(row));
  }
  return rows;
}

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

std::vector<RunRow> Store::runs() const {
  return impl_->read([&](SQLite::Database& db) { return run_rows(db, impl_->file, kNewestAttempt, "ORDER BY run.id"); });
}

std::vector<RunRow> Store::attempts() const {
  return impl_->read([&](SQLite::Database& db) { return run_rows(db, impl_->file, kEveryAttempt, "ORDER BY a.started_at, a.id"); });
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
  return impl_->read([&](SQLite::Database& db) {
    std::vector<EvalRow> rows;
    SQLite::Statement query(db,
                            "SELECT after_task, on_group, n, correct, correct5, correct_within, loss_sum FROM eval WHERE attempt_id = ? "
                            "ORDER BY after_task, on_group");
    query.bind(1, attempt);
    while (query.executeStep()) {
      auto integer = [&](int column) { return query.getColumn(column).getInt64(); };
      rows.push_back({integer(0), {integer(1), integer(2), integer(3), integer(4), integer(5), real_of(query.getColumn(6))}});
    }
    return rows;
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
    while (query.executeStep())
      list.push_back(
          {query.getColumn(0).getString(), query.getColumn(1).getInt64(), query.getColumn(2).getInt64(), real_of(query.getColumn(3))});
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
    std::map<std::string, double> values;
    SQLite::Statement query(db, "SELECT name, value FROM resource WHERE attempt_id = ? ORDER BY name, seq");
    query.bind(1, attempt);
    while (query.executeStep()) values[query.getColumn(0).getString()] = query.getColumn(1).getDouble();
    return values;
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
