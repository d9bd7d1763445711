#include <clb/store/row_audit.hpp>

#include <algorithm>
#include <clb/base/sha256.hpp>
#include <set>

#include "content.hpp"
#include "impl.hpp"
#include "schema.hpp"
#include "seal.hpp"

namespace clb::store {
namespace {

using Faults = std::vector<std::string>;

// Everything that a spec decides, of the run with one key.
constexpr const char* kDecided = R"sql(
SELECT run.comparability_key, run.seed, run.order_seed, run.precision, run.device, run.threads, run.tasks_planned, run.experiment,
  run.preset, run.track, run.capabilities,
  dataset.key AS "dataset.key", dataset.name AS "dataset.name", dataset.fingerprint AS "dataset.fingerprint",
  dataset.class_count AS "dataset.class_count",
  protocol.key AS "protocol.key", protocol.kind AS "protocol.kind", protocol.split AS "protocol.split",
  protocol.class_order AS "protocol.class_order", protocol.evaluate_on AS "protocol.evaluate_on",
  protocol.test_batches AS "protocol.test_batches", protocol.joint AS "protocol.joint", protocol.stop_after AS "protocol.stop_after",
  protocol.train_per_class AS "protocol.train_per_class", protocol.test_per_class AS "protocol.test_per_class",
  protocol.spec AS "protocol.spec",
  config.key AS "config.key", config.method AS "config.method", config.train_transform AS "config.train_transform",
  (SELECT group_concat(name || ' = ' || value, ', ') FROM parameter WHERE config_id = config.id) AS parameters,
  (SELECT group_concat(role || ' = ' || weights.key || ' ' || weights.sha256 || ' ' || weights.spec, ', ')
    FROM run_weights JOIN weights ON weights.id = weights_id WHERE run_id = run.id) AS weights
FROM run JOIN dataset ON dataset.id = dataset_id JOIN protocol ON protocol.id = protocol_id JOIN config ON config.id = config_id
WHERE run.key = ?
)sql";

std::string shown(std::string text) {
  constexpr size_t kMost = 60;
  if (text.size() > kMost) text = text.substr(0, kMost) + "...";
  return "'" + one_line(text) + "'";
}

// A spec in a file of its own shows what the rows of that run should be; its shape, what a seal of that version covers.
struct Expected {
  explicit Expected(size_t version = migrations().size()) : db(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE) {
    for (size_t step = 0; step < version; ++step) db.exec(migrations()[step]);
  }
  SQLite::Database db;
};

std::vector<AttemptAudit::Task> tasks_of(SQLite::Database& db, int64_t attempt) {
  std::vector<AttemptAudit::Task> tasks;
  SQLite::Statement query(db, R"sql(
    SELECT after_task, classes, EXISTS (SELECT 1 FROM prediction AS p WHERE p.attempt_id = task.attempt_id AND p.after_task = task.after_task),
      (SELECT sha256 FROM logit_hash AS h WHERE h.attempt_id = task.attempt_id AND h.after_task = task.after_task)
    FROM task WHERE attempt_id = ? ORDER BY after_task)sql");
  query.bind(1, attempt);
  while (query.executeStep())
    tasks.push_back(
        {query.getColumn(0).getInt64(), query.getColumn(1).getString(), query.getColumn(2).getInt() != 0, query.getColumn(3).getString()});
  return tasks;
}

std::optional<base::SecondLook> look_of(SQLite::Database& db, int64_t attempt) {
  SQLite::Statement query(db, "SELECT outcome, reason, samples, differing, near_ties, seconds FROM second_look WHERE attempt_id = ?");
  query.bind(1, attempt);
  if (!query.executeStep()) return std::nullopt;
  const auto number = [&](int column) { return query.getColumn(column).getInt64(); };
  return base::SecondLook{query.getColumn(0).getString(), query.getColumn(1).getString(), number(2), number(3), number(4),
                          query.getColumn(5).getDouble()};
}

// The tables that are not as they were sealed.
Faults broken_tables(const std::map<std::string, std::string>& sealed, const std::map<std::string, std::string>& found) {
  std::set<std::string> tables;
  for (const auto* side : {&sealed, &found})
    for (const auto& [table, digest] : *side) tables.insert(table);
  Faults broken;
  for (const std::string& table : tables) {
    const auto was = sealed.find(table), is = found.find(table);
    if (was == sealed.end() || is == found.end() || was->second != is->second) broken.push_back(table);
  }
  return broken;
}

}  // namespace

struct RowAudit::Impl {
  mutable Connection file;
  mutable Expected expected;
  mutable std::map<int64_t, std::vector<SealedTable>> sealed;  // by version of the schema

  void add_seal(SQLite::Database& db, AttemptAudit& attempt) const {
    SQLite::Statement query(db,
                            "SELECT seq, event, schema, spec, digests, sha256 FROM seal WHERE attempt_id = ? ORDER BY seq DESC LIMIT 1");
    query.bind(1, attempt.id);
    if (!query.executeStep()) return;
    const auto number = [&](int column) { return query.getColumn(column).getInt64(); };
    const auto text = [&](int column) { return query.getColumn(column).getString(); };
    const Seal seal{number(0), number(1), number(2), text(3), text(4)};
    attempt.sealed = true;
    attempt.sealed_spec = seal.spec;
    const base::Json stored = base::Json::parse(seal.digests, nullptr, false);
    const bool known = seal.schema >= 1 && seal.schema <= static_cast<int64_t>(migrations().size());
    if (!known || stored.is_discarded() || seal.sha256() != text(5)) {
      attempt.broken = {"seal"};
    } else if (attempt.status != "running") {  // else it went on, and the next seal comes with its end
      if (!sealed.contains(seal.schema)) {
        Expected shape(static_cast<size_t>(seal.schema));
        sealed[seal.schema] = sealed_tables(shape.db);
      }
      attempt.broken =
          broken_tables(stored.get<std::map<std::string, std::string>>(), digests_of(db, sealed[seal.schema], attempt.id, seal.seq));
    }
  }
};

RowAudit::RowAudit(const fs::path& file) : impl_(std::make_unique<Impl>()) {
  impl_->file.file = file;
  explained(file, [&] { impl_->file.reader.emplace(fs::weakly_canonical(fs::absolute(file)), migrations()); });
  impl_->file.read([&](SQLite::Database& db) {
    check_everything(db, file);
    return true;
  });
}
RowAudit::~RowAudit() = default;

Faults RowAudit::shared() const {
  return impl_->file.read([&](SQLite::Database& db) {
    Faults faults;
    auto compare = [&](const char* table, const std::string& stored, int64_t id) {
      SQLite::Statement key(impl_->expected.db, std::string("SELECT key FROM ") + table + " WHERE id = ?");
      key.bind(1, id);
      key.executeStep();
      if (key.getColumn(0).getString() != stored)
        faults.push_back(std::string(table) + " " + stored.substr(0, 12) + ": its key is not the hash of its columns");
    };
    SQLite::Database& made = impl_->expected.db;
    SQLite::Statement machines(db, "SELECT key, cpu, cpu_flags, gpu, os, cores, memory_bytes FROM machine ORDER BY key");
    auto text = [](SQLite::Statement& row, int column) { return row.getColumn(column).getString(); };
    while (machines.executeStep())
      compare("machine", text(machines, 0),
              machine_id(made, {text(machines, 1), text(machines, 2), text(machines, 3), text(machines, 4),
                                machines.getColumn(5).getInt64(), machines.getColumn(6).getInt64()}));
    SQLite::Statement builds(db, "SELECT key, commit_hash, version, compiler FROM build ORDER BY key");
    while (builds.executeStep()) compare("build", text(builds, 0), build_id(made, {text(builds, 1), text(builds, 2), text(builds, 3)}));
    SQLite::Statement plugins(db, "SELECT key, kind, name, version, hash FROM plugin ORDER BY key");
    while (plugins.executeStep())
      compare("plugin", text(plugins, 0), plugin_id(made, text(plugins, 1).c_str(), text(plugins, 2), text(plugins, 3), text(plugins, 4)));
    SQLite::Statement labels(db,
                             "SELECT name, split, count(*) FROM target JOIN dataset ON dataset.id = dataset_id GROUP BY dataset_id, split "
                             "HAVING count(*) > 1 ORDER BY name, split");
    while (labels.executeStep())
      faults.push_back("dataset " + text(labels, 0) + ": " + text(labels, 2) + " different lists of labels are stored for its split " +
                       text(labels, 1));
    return faults;
  });
}

Faults RowAudit::run(int64_t run_id) const {
  return impl_->file.read([&](SQLite::Database& db) -> Faults {
    SQLite::Statement stored(db, "SELECT run.key, spec FROM run JOIN run_spec ON run_spec.run_id = run.id WHERE run.id = ?");
    stored.bind(1, run_id);
    if (!stored.executeStep()) return {"it has no spec"};
    const std::string key = stored.getColumn(0).getString();
    base::RunSpec spec;
    try {
      spec = base::RunSpec::from_stored(base::parse_json(stored.getColumn(1).getString(), "its spec"), "its spec");
    } catch (const std::exception& error) {
      return {error.what()};
    }
    if (spec.key() != key) return {"its key is not the hash of its spec, which is " + spec.key().substr(0, 12)};

    SQLite::Database& made = impl_->expected.db;
    SQLite::Transaction undone(made);  // rolled back: 100,000 specs need not be kept
    store::run_id(made, spec);
    SQLite::Statement is(db, kDecided), should(made, kDecided);
    is.bind(1, key);
    should.bind(1, key);
    if (!is.executeStep() || !should.executeStep()) return {"a row that it points to is missing"};
    Faults faults;
    for (int column = 0; column < is.getColumnCount(); ++column) {
      const std::string found = is.getColumn(column).getString(), wanted = should.getColumn(column).getString();
      if (found != wanted)
        faults.push_back(std::string(is.getColumnName(column)) + " is " + shown(found) + ", its spec says " + shown(wanted));
    }
    return faults;
  });
}

std::vector<AttemptAudit> RowAudit::attempts(int64_t run_id) const {
  return impl_->file.read([&](SQLite::Database& db) {
    std::vector<AttemptAudit> list;
    SQLite::Statement query(db, R"sql(
      SELECT id, uuid, (SELECT status FROM attempt_event WHERE attempt_id = attempt.id ORDER BY seq DESC LIMIT 1),
        EXISTS (SELECT 1 FROM attempt_target WHERE attempt_id = attempt.id)
      FROM attempt WHERE run_id = ? ORDER BY started_at, id)sql");
    query.bind(1, run_id);
    while (query.executeStep()) {
      const int64_t id = query.getColumn(0).getInt64();
      list.push_back({id,
                      query.getColumn(1).getString(),
                      query.getColumn(2).getString(),
                      tasks_of(db, id),
                      query.getColumn(3).getInt() != 0,
                      look_of(db, id),
                      false,
                      {},
                      {}});
      impl_->add_seal(db, list.back());
    }
    return list;
  });
}

std::string RowAudit::spec_sha256(int64_t run_id) const {
  return impl_->file.read([&](SQLite::Database& db) {
    SQLite::Statement query(db, "SELECT spec FROM run_spec WHERE run_id = ?");
    query.bind(1, run_id);
    return query.executeStep() ? base::hex(base::sha256(query.getColumn(0).getString())) : "";
  });
}

}  // namespace clb::store
