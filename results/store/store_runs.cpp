// Lists of runs: which attempt of each counts, and what is known of it.
#include <algorithm>

#include "impl.hpp"

namespace clb::store {
namespace {

// The newest status of every attempt, by attempt id.
std::map<int64_t, std::string> newest_statuses(SQLite::Database& db) {
  std::map<int64_t, std::string> newest;
  // The table itself would be read with reasons and logs.
  SQLite::Statement query(db, "SELECT attempt_id, status FROM attempt_event INDEXED BY attempt_event_by_attempt ORDER BY attempt_id, seq");
  while (query.executeStep()) newest.insert_or_assign(newest.end(), query.getColumn(0).getInt64(), query.getColumn(1).getString());
  return newest;
}

std::vector<RunState> states_of(SQLite::Database& db) {
  const std::map<int64_t, std::string> statuses = newest_statuses(db);
  std::vector<RunState> states;
  SQLite::Statement runs(db, "SELECT id FROM run");  // an index has the ids, in another order
  while (runs.executeStep()) states.push_back({runs.getColumn(0).getInt64(), 0, 0, {}});
  std::sort(states.begin(), states.end(), [](const RunState& a, const RunState& b) { return a.run_id < b.run_id; });
  auto state = states.begin();
  SQLite::Statement attempts(db, "SELECT run_id, id FROM attempt ORDER BY run_id, started_at, id");
  while (attempts.executeStep()) {
    const int64_t run = attempts.getColumn(0).getInt64(), attempt = attempts.getColumn(1).getInt64();
    while (state != states.end() && state->run_id < run) ++state;
    if (state == states.end() || state->run_id != run) continue;  // of no run: a damaged file, which check() names
    const auto found = statuses.find(attempt);
    const std::string status = found == statuses.end() ? "" : found->second;
    ++state->attempts;
    if (state->status == "ok" && status != "ok") continue;
    state->attempt_id = attempt;
    state->status = status;
  }
  return states;
}

constexpr const char* kRun = R"sql(
SELECT run.key, run.comparability_key, config.key, run.experiment, config.method, run.preset, run.track, dataset.name, run.precision,
  run.device, run.threads, run.capabilities, protocol.joint, run.seed, run.order_seed, run.tasks_planned,
  a.uuid, s.status, s.reason, s.log_tail, s.at, p.hash, p.version, a.runner_hash, a.libtorch, b.commit_hash, a.command, a.started_at,
  m.cpu, m.cpu_flags, m.gpu, m.os, m.cores, m.memory_bytes, h.device, h.dtype,
  (SELECT count(*) FROM task WHERE attempt_id = a.id), (SELECT coalesce(sum(wall_s), 0.0) FROM span WHERE attempt_id = a.id),
  l.outcome, l.reason, l.samples, l.differing, l.near_ties, l.seconds, l.confined
FROM run JOIN config ON config.id = run.config_id JOIN dataset ON dataset.id = run.dataset_id
JOIN protocol ON protocol.id = run.protocol_id
LEFT JOIN attempt AS a ON a.id = ?2
LEFT JOIN attempt_event AS s ON s.attempt_id = a.id AND s.seq = (SELECT max(seq) FROM attempt_event WHERE attempt_id = a.id)
LEFT JOIN plugin AS p ON p.id = a.plugin_id
LEFT JOIN build AS b ON b.id = a.build_id
LEFT JOIN machine AS m ON m.id = a.machine_id
LEFT JOIN hello AS h ON h.attempt_id = a.id AND h.seq = (SELECT max(seq) FROM hello WHERE attempt_id = a.id)
LEFT JOIN second_look AS l ON l.attempt_id = a.id
WHERE run.id = ?1
)sql";

// Columns are taken in the order of kRun: looking 45 names up would be half of the time of a long list.
RunRow run_row(SQLite::Statement& row, const RunState& state) {
  int column = 0;
  auto text = [&] { return row.getColumn(column++).getString(); };  // "" for NULL
  auto integer = [&] { return row.getColumn(column++).getInt64(); };
  RunRow run;
  run.run_id = state.run_id;
  run.attempt_id = state.attempt_id;
  run.attempts = state.attempts;
  for (std::string* member : {&run.key, &run.comparability_key, &run.config_key, &run.experiment, &run.method, &run.preset, &run.track,
                              &run.dataset, &run.precision, &run.planned_device})
    *member = text();
  run.threads = integer();
  run.capabilities = static_cast<uint64_t>(integer());
  run.joint = integer() != 0;
  for (int64_t* member : {&run.seed, &run.order_seed, &run.tasks_planned}) *member = integer();
  for (std::string* member : {&run.uuid, &run.status.status, &run.status.reason, &run.status.log_tail, &run.status.at, &run.plugin_hash,
                              &run.plugin_version, &run.runner_hash, &run.libtorch, &run.commit, &run.command, &run.started_at,
                              &run.machine.cpu, &run.machine.cpu_flags, &run.machine.gpu, &run.machine.os})
    *member = text();
  run.machine.cores = integer();
  run.machine.memory_bytes = integer();
  run.device = text();
  run.dtype = text();
  run.tasks_done = integer();
  run.wall_s = row.getColumn(column++).getDouble();
  if (!row.getColumn(column).isNull()) {
    base::SecondLook& look = run.look.emplace();
    look.outcome = text();
    look.reason = text();
    for (int64_t* member : {&look.samples, &look.differing, &look.near_ties}) *member = integer();
    look.seconds = row.getColumn(column++).getDouble();
    look.confined = integer() != 0;
  }
  return run;
}

std::vector<RunRow> rows_of(SQLite::Database& db, const std::vector<RunState>& states) {
  std::vector<RunRow> rows;
  rows.reserve(states.size());
  SQLite::Statement query(db, kRun), experiments(db, "SELECT experiment FROM run_experiment WHERE run_id = ? ORDER BY experiment");
  for (const RunState& state : states) {
    query.reset();
    query.bind(1, state.run_id);
    query.bind(2, state.attempt_id);
    if (!query.executeStep()) continue;
    rows.push_back(run_row(query, state));
    experiments.reset();
    experiments.bind(1, state.run_id);
    while (experiments.executeStep()) rows.back().experiments.push_back(experiments.getColumn(0).getString());
  }
  return rows;
}

base::Json spec_of(SQLite::Database& db, const fs::path& file, int64_t run) {
  SQLite::Statement query(db, "SELECT spec, key FROM run_spec JOIN run ON run.id = run_id WHERE run_id = ?");
  query.bind(1, run);
  if (!query.executeStep())
    throw base::Error(file.string() + ": has no spec of run " + std::to_string(run) + "; it is damaged, restore it from a copy");
  return base::RunSpec::upgrade(
      base::parse_json(query.getColumn(0).getString(), file.string() + ": spec of run " + query.getColumn(1).getString()));
}

}  // namespace

std::vector<RunState> Store::states() const { return impl_->read(states_of); }

std::set<int64_t> Store::runs_of(const std::string& experiment) const {
  return impl_->read([&](SQLite::Database& db) {
    std::set<int64_t> ids;
    SQLite::Statement query(db, "SELECT run_id FROM run_experiment WHERE experiment = ?");
    query.bind(1, experiment);
    while (query.executeStep()) ids.insert(query.getColumn(0).getInt64());
    return ids;
  });
}

std::vector<RunRow> Store::light_runs() const {
  return impl_->read([&](SQLite::Database& db) { return rows_of(db, states_of(db)); });
}

std::vector<RunRow> Store::light_runs(const std::vector<RunState>& of) const {
  return impl_->read([&](SQLite::Database& db) { return rows_of(db, of); });
}

std::vector<RunRow> Store::runs() const {
  return impl_->read([&](SQLite::Database& db) {
    std::vector<RunRow> rows = rows_of(db, states_of(db));
    for (RunRow& row : rows) row.spec = spec_of(db, impl_->file, row.run_id);
    return rows;
  });
}

std::vector<RunRow> Store::attempts() const {
  return impl_->read([&](SQLite::Database& db) {
    std::map<int64_t, int64_t> counts;
    std::vector<RunState> states;
    SQLite::Statement query(db, "SELECT run_id, id FROM attempt ORDER BY started_at, id");
    while (query.executeStep()) {
      states.push_back({query.getColumn(0).getInt64(), query.getColumn(1).getInt64(), 0, {}});
      ++counts[states.back().run_id];
    }
    for (RunState& state : states) state.attempts = counts[state.run_id];
    std::vector<RunRow> rows = rows_of(db, states);
    for (RunRow& row : rows) row.spec = spec_of(db, impl_->file, row.run_id);
    return rows;
  });
}

base::Json Store::spec(int64_t run_id) const {
  return impl_->read([&](SQLite::Database& db) { return spec_of(db, impl_->file, run_id); });
}

void Store::check() const {
  impl_->read([&](SQLite::Database& db) {
    check_everything(db, impl_->file);
    return true;
  });
}

}  // namespace clb::store
