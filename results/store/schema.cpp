#include "schema.hpp"

namespace clb::store {
namespace {

// What is measured against what: rows named by the SHA-256 of their content ("key"), so that files of many machines can be united.
constexpr const char* kContent = R"sql(
CREATE TABLE machine (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  class_key TEXT NOT NULL,            -- SHA-256 of CPU model, usable cores, GPU model: timings are compared inside a class
  cpu TEXT NOT NULL, cpu_flags TEXT NOT NULL, gpu TEXT NOT NULL, os TEXT NOT NULL,
  cores INTEGER NOT NULL, memory_bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE build (                  -- of clbench
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  commit_hash TEXT NOT NULL, version TEXT NOT NULL, compiler TEXT NOT NULL
) STRICT;
CREATE TABLE plugin (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('method', 'dataset')),
  name TEXT NOT NULL, version TEXT NOT NULL,
  hash TEXT NOT NULL                  -- SHA-256 of the file
) STRICT;
CREATE TABLE dataset (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  fingerprint TEXT NOT NULL,          -- SHA-256 over labels, domains and samples of every split in index order
  class_count INTEGER NOT NULL
) STRICT;
CREATE TABLE weights (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  sha256 TEXT NOT NULL,
  name TEXT NOT NULL,                 -- file name without folder, or 'random'
  spec TEXT NOT NULL                  -- JSON
) STRICT;
CREATE TABLE protocol (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL, split TEXT NOT NULL, class_order TEXT NOT NULL, evaluate_on TEXT NOT NULL, test_batches TEXT NOT NULL,
  joint INTEGER NOT NULL, stop_after INTEGER NOT NULL,
  train_per_class INTEGER NOT NULL, test_per_class INTEGER NOT NULL,  -- the subset; 0 = all
  spec TEXT NOT NULL                  -- JSON; no order seed, no drawn class order
) STRICT;
CREATE TABLE config (                 -- method with its parameters and training transform
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  method TEXT NOT NULL,
  train_transform TEXT NOT NULL       -- JSON
) STRICT;
CREATE TABLE parameter (
  config_id INTEGER NOT NULL REFERENCES config(id),
  name TEXT NOT NULL,
  value TEXT NOT NULL,                -- JSON
  PRIMARY KEY (config_id, name)
) STRICT, WITHOUT ROWID;
)sql";

// What was to be computed, and every try at it.
constexpr const char* kRuns = R"sql(
CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  comparability_key TEXT NOT NULL,    -- rows with different ones never share a table
  dataset_id INTEGER NOT NULL REFERENCES dataset(id),
  protocol_id INTEGER NOT NULL REFERENCES protocol(id),
  config_id INTEGER NOT NULL REFERENCES config(id),
  seed INTEGER NOT NULL, order_seed INTEGER NOT NULL,
  precision TEXT NOT NULL, device TEXT NOT NULL, threads INTEGER NOT NULL,
  tasks_planned INTEGER NOT NULL,
  spec TEXT NOT NULL                  -- JSON of the whole run as it was first planned, without execution
) STRICT;
CREATE INDEX run_by_comparability ON run(comparability_key);
CREATE INDEX run_by_dataset ON run(dataset_id);
CREATE INDEX run_by_protocol ON run(protocol_id);
CREATE INDEX run_by_config ON run(config_id);
CREATE TABLE run_weights (
  run_id INTEGER NOT NULL REFERENCES run(id),
  role TEXT NOT NULL,
  weights_id INTEGER NOT NULL REFERENCES weights(id),
  PRIMARY KEY (run_id, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_weights_by_weights ON run_weights(weights_id);
CREATE TABLE run_experiment (         -- one run may belong to several experiments
  run_id INTEGER NOT NULL REFERENCES run(id),
  experiment TEXT NOT NULL,
  PRIMARY KEY (run_id, experiment)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempt (
  id INTEGER PRIMARY KEY,
  uuid TEXT NOT NULL UNIQUE,
  run_id INTEGER NOT NULL REFERENCES run(id),
  build_id INTEGER NOT NULL REFERENCES build(id),
  plugin_id INTEGER NOT NULL REFERENCES plugin(id),
  dataset_plugin_id INTEGER NOT NULL REFERENCES plugin(id),
  machine_id INTEGER NOT NULL REFERENCES machine(id),
  runner_hash TEXT NOT NULL, libtorch TEXT NOT NULL,
  command TEXT NOT NULL,              -- how clbench was called
  started_at TEXT NOT NULL            -- UTC, ISO 8601, as every time in this file
) STRICT;
CREATE INDEX attempt_by_run ON attempt(run_id);
CREATE TABLE attempt_event (
  attempt_id INTEGER NOT NULL REFERENCES attempt(id),
  seq INTEGER NOT NULL,
  at TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'ok', 'failed', 'crashed', 'killed', 'timeout', 'cancelled', 'lost')),
  reason TEXT NOT NULL, log_tail TEXT NOT NULL,
  PRIMARY KEY (attempt_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE hello (                  -- what really ran, told by the runner each time it starts
  attempt_id INTEGER NOT NULL REFERENCES attempt(id),
  seq INTEGER NOT NULL,
  libtorch TEXT NOT NULL, device TEXT NOT NULL, dtype TEXT NOT NULL,
  cpu TEXT NOT NULL, cpu_flags TEXT NOT NULL,
  cores INTEGER NOT NULL, threads INTEGER NOT NULL,
  PRIMARY KEY (attempt_id, seq)
) STRICT, WITHOUT ROWID;
CREATE VIEW attempt_status AS         -- the newest event of every attempt
  SELECT attempt_id, seq, at, status, reason, log_tail FROM attempt_event AS e
  WHERE seq = (SELECT max(seq) FROM attempt_event WHERE attempt_id = e.attempt_id);
)sql";

// What was measured.
constexpr const char* kResults = R"sql(
CREATE TABLE task (                   -- committed with everything that was measured after it
  attempt_id INTEGER NOT NULL REFERENCES attempt(id),
  after_task INTEGER NOT NULL,
  classes TEXT NOT NULL,              -- JSON list of original class ids
  at TEXT NOT NULL,
  PRIMARY KEY (attempt_id, after_task)
) STRICT, WITHOUT ROWID;
CREATE TABLE eval (
  attempt_id INTEGER NOT NULL, after_task INTEGER NOT NULL,
  on_group INTEGER NOT NULL,          -- task or domain the samples belong to
  n INTEGER NOT NULL CHECK (n >= 0),
  correct INTEGER NOT NULL CHECK (correct BETWEEN 0 AND n),
  correct5 INTEGER NOT NULL CHECK (correct5 BETWEEN 0 AND n),
  correct_within INTEGER NOT NULL CHECK (correct_within BETWEEN 0 AND n),
  loss_sum REAL,                      -- cross-entropy in nats; NULL: not finite
  PRIMARY KEY (attempt_id, after_task, on_group),
  FOREIGN KEY (attempt_id, after_task) REFERENCES task(attempt_id, after_task)
) STRICT, WITHOUT ROWID;
CREATE TABLE prediction (             -- argmax as original class ids in index order, -1 = not evaluated
  id INTEGER PRIMARY KEY,
  attempt_id INTEGER NOT NULL, after_task INTEGER NOT NULL,
  n INTEGER NOT NULL,
  width INTEGER NOT NULL,             -- bytes per value: little-endian signed 1, 2, 4 or 8
  sha256 TEXT NOT NULL,               -- of the n * width raw bytes
  data BLOB NOT NULL,                 -- zstd
  UNIQUE (attempt_id, after_task),
  FOREIGN KEY (attempt_id, after_task) REFERENCES task(attempt_id, after_task)
) STRICT;
CREATE TABLE target (                 -- labels of a dataset's split, once
  id INTEGER PRIMARY KEY,
  dataset_id INTEGER NOT NULL REFERENCES dataset(id),
  split TEXT NOT NULL,
  n INTEGER NOT NULL, width INTEGER NOT NULL, sha256 TEXT NOT NULL, data BLOB NOT NULL,  -- as in prediction
  UNIQUE (dataset_id, split, sha256)
) STRICT;
CREATE TABLE attempt_target (
  attempt_id INTEGER NOT NULL PRIMARY KEY REFERENCES attempt(id),
  target_id INTEGER NOT NULL REFERENCES target(id)
) STRICT;
CREATE INDEX attempt_target_by_target ON attempt_target(target_id);
CREATE TABLE logit_hash (
  attempt_id INTEGER NOT NULL, after_task INTEGER NOT NULL,
  sha256 TEXT NOT NULL,               -- over the float32 logits in index order
  PRIMARY KEY (attempt_id, after_task),
  FOREIGN KEY (attempt_id, after_task) REFERENCES task(attempt_id, after_task)
) STRICT, WITHOUT ROWID;
CREATE TABLE scalar (
  attempt_id INTEGER NOT NULL REFERENCES attempt(id),
  name TEXT NOT NULL, task INTEGER NOT NULL, step INTEGER NOT NULL,
  value REAL,                         -- NULL: not finite
  PRIMARY KEY (attempt_id, name, task, step)
) STRICT, WITHOUT ROWID;
CREATE TABLE span (                   -- spans of one attempt do not overlap: their sum is its time
  attempt_id INTEGER NOT NULL REFERENCES attempt(id),
  seq INTEGER NOT NULL,
  phase TEXT NOT NULL,
  task INTEGER NOT NULL,              -- -1: of the whole run
  wall_s REAL NOT NULL, device_s REAL NOT NULL,
  PRIMARY KEY (attempt_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE resource (               -- the newest value of a name counts
  attempt_id INTEGER NOT NULL REFERENCES attempt(id),
  name TEXT NOT NULL,
  seq INTEGER NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (attempt_id, name, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE reference (              -- published numbers
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  method TEXT NOT NULL, metric TEXT NOT NULL, metric_version INTEGER NOT NULL,
  value REAL NOT NULL, tolerance REAL NOT NULL,
  citation TEXT NOT NULL,
  setting TEXT NOT NULL               -- JSON: what has to hold for a run to be compared with it
) STRICT;
CREATE TABLE annotation (             -- what a person says of a run
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  run_id INTEGER NOT NULL REFERENCES run(id),
  at TEXT NOT NULL, author TEXT NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE INDEX annotation_by_run ON annotation(run_id);
)sql";

// The runs without their specs, which are thousands of bytes each: whoever lists 100,000 runs reads one spec per configuration, not one per
// run. What tells rows of a table apart stands in columns. Indexes answer which attempt of a run counts without touching logs.
constexpr const char* kLightRuns = R"sql(
CREATE TABLE run_2 (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  comparability_key TEXT NOT NULL,    -- rows with different ones never share a table
  dataset_id INTEGER NOT NULL REFERENCES dataset(id),
  protocol_id INTEGER NOT NULL REFERENCES protocol(id),
  config_id INTEGER NOT NULL REFERENCES config(id),
  seed INTEGER NOT NULL, order_seed INTEGER NOT NULL,
  precision TEXT NOT NULL, device TEXT NOT NULL, threads INTEGER NOT NULL,
  tasks_planned INTEGER NOT NULL,
  experiment TEXT NOT NULL,           -- the first it was planned in
  preset TEXT NOT NULL, track TEXT NOT NULL,
  capabilities INTEGER NOT NULL       -- CLB_CAP_* of the method with these parameters
) STRICT;
CREATE TABLE run_spec (
  run_id INTEGER NOT NULL PRIMARY KEY REFERENCES run(id),
  spec TEXT NOT NULL                  -- JSON of the whole run as it was first planned, without execution
) STRICT;
INSERT INTO run_2 SELECT id, key, comparability_key, dataset_id, protocol_id, config_id, seed, order_seed, precision, device, threads,
    tasks_planned, coalesce(json_extract(spec, '$.experiment'), ''), coalesce(json_extract(spec, '$.method.preset'), ''),
    coalesce(json_extract(spec, '$.track'), 'common'), coalesce(json_extract(spec, '$.method.capabilities'), 0)
  FROM run ORDER BY id;
INSERT INTO run_spec SELECT id, spec FROM run ORDER BY id;
DROP TABLE run;
ALTER TABLE run_2 RENAME TO run;
CREATE INDEX run_by_comparability ON run(comparability_key);
CREATE INDEX run_by_dataset ON run(dataset_id);
CREATE INDEX run_by_protocol ON run(protocol_id);
CREATE INDEX run_by_config ON run(config_id);
DROP INDEX attempt_by_run;
CREATE INDEX attempt_by_run ON attempt(run_id, started_at);
CREATE INDEX attempt_event_by_attempt ON attempt_event(attempt_id, seq, status);
CREATE INDEX run_experiment_by_experiment ON run_experiment(experiment);
)sql";

// Numbers of others, as `clbench import` takes them. They are rows of their own: never a run, an attempt or a count.
constexpr const char* kImported = R"sql(
CREATE TABLE imported (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,           -- SHA-256 of everything below, with the metrics
  citation TEXT NOT NULL, url TEXT NOT NULL,  -- where the numbers come from
  comparability_key TEXT NOT NULL,    -- of the runs that they may stand beside; '' = not known
  dataset TEXT NOT NULL, protocol TEXT NOT NULL, weights TEXT NOT NULL,  -- in the words of the source
  method TEXT NOT NULL, setting TEXT NOT NULL
) STRICT;
CREATE INDEX imported_by_comparability ON imported(comparability_key);
CREATE TABLE imported_metric (
  imported_id INTEGER NOT NULL REFERENCES imported(id),
  metric TEXT NOT NULL, metric_version INTEGER NOT NULL,
  n INTEGER NOT NULL CHECK (n > 0),   -- runs
  mean REAL NOT NULL,                 -- in the unit of the metric: a fraction, not a percentage
  per_run TEXT NOT NULL,              -- JSON list of the n values; [] when only their mean is known
  PRIMARY KEY (imported_id, metric)
) STRICT, WITHOUT ROWID;
)sql";

// A fresh process's predictions from the saved state against the run's (base/second_look.hpp). An attempt without a row was not looked at.
constexpr const char* kSecondLook = R"sql(
CREATE TABLE second_look (
  attempt_id INTEGER NOT NULL PRIMARY KEY REFERENCES attempt(id),
  outcome TEXT NOT NULL CHECK (outcome IN ('same', 'differs', 'failed', 'not_made')),
  reason TEXT NOT NULL,
  samples INTEGER NOT NULL CHECK (samples >= 0),
  differing INTEGER NOT NULL CHECK (differing BETWEEN 0 AND samples),
  near_ties INTEGER NOT NULL CHECK (near_ties BETWEEN 0 AND samples),
  seconds REAL NOT NULL,              -- the launcher's, no part of the attempt's time
  confined INTEGER NOT NULL           -- 1: the kernel kept the process from other files
) STRICT;
)sql";

// Right or wrong, image by image: what intervals are computed from. It follows from predictions and labels, in a quarter of their bytes;
// files of before have no rows, and theirs is worked out when it is asked for.
constexpr const char* kOutcome = R"sql(
CREATE TABLE outcome (
  id INTEGER PRIMARY KEY,
  attempt_id INTEGER NOT NULL, after_task INTEGER NOT NULL,
  n INTEGER NOT NULL,                 -- images of the split
  data BLOB NOT NULL,                 -- zstd of two lists of n bits, least significant first: was it evaluated, was it right
  UNIQUE (attempt_id, after_task),
  FOREIGN KEY (attempt_id, after_task) REFERENCES task(attempt_id, after_task)
) STRICT;
)sql";

// What the rows of an attempt were when it ended (seal.hpp). An attempt without one is of an older clbench, or has not ended. The newest
// counts: what is written later of an attempt, an outcome of a second look for example, is sealed with it once more.
constexpr const char* kSeal = R"sql(
CREATE TABLE seal (
  attempt_id INTEGER NOT NULL REFERENCES attempt(id),
  seq INTEGER NOT NULL,
  event INTEGER NOT NULL,             -- seq of the attempt's newest event
  schema INTEGER NOT NULL,            -- version whose tables and columns are covered
  spec TEXT NOT NULL,                 -- SHA-256 of the run's spec as it was stored
  digests TEXT NOT NULL,              -- JSON: table -> SHA-256 of its rows of the attempt
  sha256 TEXT NOT NULL,               -- of this row
  PRIMARY KEY (attempt_id, seq)
) STRICT, WITHOUT ROWID;
)sql";

constexpr const char* kTablesV1[] = {"machine",   "build",    "plugin",      "dataset",        "weights",        "protocol",      "config",
                                     "parameter", "run",      "run_weights", "run_experiment", "attempt",        "attempt_event", "hello",
                                     "task",      "eval",     "prediction",  "target",         "attempt_target", "logit_hash",    "scalar",
                                     "span",      "resource", "reference",   "annotation"};

// Append-only is a property of the file, not of this program's good will.
std::string append_only(const std::string& table) {
  std::string sql;
  for (const char* verb : {"UPDATE", "DELETE"}) {
    sql += "CREATE TRIGGER " + table + "_no_" + (verb[0] == 'U' ? "update" : "delete") + " BEFORE " + verb + " ON " + table +
           " BEGIN SELECT RAISE(ABORT, 'a results file is append-only'); END;\n";
  }
  return sql;
}

std::string version_1() {
  std::string sql = std::string(kContent) + kRuns + kResults;
  for (const char* table : kTablesV1) sql += append_only(table);
  return sql;
}

std::string version_2() {
  std::string sql = std::string(kLightRuns) + kImported;
  for (const char* table : {"run", "run_spec", "imported", "imported_metric"}) sql += append_only(table);
  return sql;
}

std::string version_3() { return kSecondLook + append_only("second_look"); }

std::string version_4() { return kOutcome + append_only("outcome"); }

std::string version_5() { return kSeal + append_only("seal"); }

}  // namespace

const std::vector<std::string>& migrations() {
  static const std::vector<std::string> steps{version_1(), version_2(), version_3(), version_4(), version_5()};
  return steps;
}

}  // namespace clb::store
