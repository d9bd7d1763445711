// make_runs FILE RUNS [IMAGES]: a database of RUNS finished runs of ten tasks each, for measuring what reads them (tools/bench/scale.sh).
//
// 20 methods x 10 configurations x 5 splits x 10 seeds for every 10,000 runs, rounded up; more runs are more configurations. Counts, spans
// and resources as a real run of ten tasks leaves them; with IMAGES, predictions on a test set of so many too. The numbers are drawn from
// the run's number and mean nothing.
#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/sha256.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "blob.hpp"
#include "content.hpp"
#include "outcome.hpp"

namespace {

using namespace clb;

constexpr int64_t kTasks = 10, kSplits = 5, kSeeds = 10, kMethods = 20, kPerGroup = 100;

base::RunSpec spec_of(int64_t number) {
  const int64_t seed = number % kSeeds, split = number / kSeeds % kSplits, method = number / (kSeeds * kSplits) % kMethods;
  const int64_t config = number / (kSeeds * kSplits * kMethods);
  base::RunSpec spec;
  spec.experiment = "scale " + std::to_string(split);
  spec.method.id = "method" + std::to_string(method);
  spec.method.preset = "preset" + std::to_string(config % 3);
  spec.method.params = base::Json{{"lr", 0.001 * static_cast<double>(1 + config)}, {"epochs", 5}, {"prompt_length", 10}};
  spec.dataset = {"made",
                  "/opt/made.so",
                  "/data/made",
                  base::hex(base::sha256("made " + std::to_string(split))),
                  "images",
                  100,
                  0,
                  0,
                  0,
                  base::Json::object(),
                  {}};
  spec.weights = {{"main", "/data/weights.safetensors", base::hex(base::sha256("weights")), {}, true, 3}};
  spec.protocol.split = "B0-Inc10";
  spec.protocol.order = "pilot";
  for (int64_t c = 0; c < 100; ++c) spec.protocol.class_order.push_back((c * 37 + seed) % 100);
  spec.protocol.task_sizes.assign(kTasks, 10);
  spec.protocol.eval_transform.name = "made-224";
  spec.seed = seed;
  spec.threads = 2;
  return spec;
}

// The statements of the tables that hold most rows, prepared once.
struct Rows {
  explicit Rows(SQLite::Database& db)
      : attempt(db, "INSERT INTO attempt VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
        event(db, "INSERT INTO attempt_event VALUES (?, ?, ?, ?, '', '')"),
        hello(db, "INSERT INTO hello VALUES (?, 0, '2.11.0', 'cpu', 'float32', 'Some CPU', 'avx2', 2, 2)"),
        task(db, "INSERT INTO task VALUES (?, ?, ?, ?)"),
        eval(db, "INSERT INTO eval VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
        span(db, "INSERT INTO span VALUES (?, ?, ?, ?, ?, 0.0)"),
        scalar(db, "INSERT INTO scalar VALUES (?, ?, ?, 0, ?)"),
        resource(db, "INSERT INTO resource VALUES (?, ?, 0, ?)") {}
  SQLite::Statement attempt, event, hello, task, eval, span, scalar, resource;
};

template <class... Values>
void add(SQLite::Statement& statement, const Values&... values) {
  int index = 0;
  (statement.bind(++index, values), ...);
  statement.exec();
  statement.reset();
}

struct Origin {
  int64_t build, dataset_plugin, machine;
  int64_t images;  // 0: no predictions
};

std::vector<int64_t> labels_of(int64_t images) {
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < images; ++i) labels.push_back(i % 100);
  return labels;
}

void add_labels(SQLite::Database& db, int64_t attempt, int64_t run, int64_t images) {
  const store::Blob blob = store::pack(labels_of(images));
  SQLite::Statement dataset(db, "SELECT dataset_id FROM run WHERE id = ?");
  dataset.bind(1, run);
  dataset.executeStep();
  const int64_t owner = dataset.getColumn(0).getInt64();
  store::insert(db, "target",
                {{"dataset_id", owner},
                 {"split", "test"},
                 {"n", blob.n},
                 {"width", blob.width},
                 {"sha256", blob.sha256},
                 {"data", store::Bytes{blob.data}}});
  SQLite::Statement target(db, "SELECT id FROM target WHERE dataset_id = ? AND split = 'test' AND sha256 = ?");
  target.bind(1, owner);
  target.bind(2, blob.sha256);
  target.executeStep();
  store::insert(db, "attempt_target", {{"attempt_id", attempt}, {"target_id", target.getColumn(0).getInt64()}});
}

// Answers of which some 7 in 10 are right, and how many are in each group.
std::vector<int64_t> add_predictions(SQLite::Database& db, int64_t attempt, int64_t task, const base::RunSpec& spec, int64_t images,
                                     std::mt19937_64& random) {
  std::vector<int64_t> group(100), correct(kTasks, 0), predictions;
  for (size_t p = 0; p < group.size(); ++p) group[static_cast<size_t>(spec.protocol.class_order[p])] = static_cast<int64_t>(p) / 10;
  for (const int64_t label : labels_of(images)) {
    const int64_t own = group[static_cast<size_t>(label)];
    const bool right = own <= task && random() % 100 < static_cast<uint64_t>(75 - 3 * (task - own));
    predictions.push_back(own > task ? -1 : right ? label : (label + 1) % 100);
    correct[static_cast<size_t>(own)] += right;
  }
  const store::Blob blob = store::pack(predictions);
  store::insert(db, "prediction",
                {{"attempt_id", attempt},
                 {"after_task", task},
                 {"n", blob.n},
                 {"width", blob.width},
                 {"sha256", blob.sha256},
                 {"data", store::Bytes{blob.data}}});
  store::append_outcome(db, "the new file", attempt, task, predictions);
  return correct;
}

void add_run(SQLite::Database& db, Rows& rows, const Origin& origin, int64_t number) {
  const base::RunSpec spec = spec_of(number);
  const int64_t run = store::run_id(db, spec), attempt = number + 1;
  const int64_t plugin = store::plugin_id(db, "method", spec.method.id, "1.0.0", base::hex(base::sha256(spec.method.id)));
  char uuid[64], started[64];
  std::snprintf(uuid, sizeof uuid, "00000000-0000-4000-8000-%012ld", static_cast<long>(number));
  std::snprintf(started, sizeof started, "2025-01-%02dT%02d:%02d:%02d.000Z", static_cast<int>(1 + number / 86400 % 28),
                static_cast<int>(number / 3600 % 24), static_cast<int>(number / 60 % 60), static_cast<int>(number % 60));
  add(rows.attempt, attempt, uuid, run, origin.build, plugin, origin.dataset_plugin, origin.machine, std::string(64, 'a'), "2.11.0",
      "clbench run scale.toml", started);
  add(rows.event, attempt, 0, started, "running");
  add(rows.event, attempt, 1, started, "ok");
  add(rows.hello, attempt);
  std::mt19937_64 random(static_cast<uint64_t>(number));
  int64_t seq = 0;
  add(rows.span, attempt, seq++, "load", -1, 1.5);
  if (origin.images > 0) add_labels(db, attempt, run, origin.images);
  for (int64_t t = 0; t < kTasks; ++t) {
    add(rows.task, attempt, t, "[0,1,2,3,4,5,6,7,8,9]", started);
    std::vector<int64_t> right;
    if (origin.images > 0) right = add_predictions(db, attempt, t, spec, origin.images, random);
    const int64_t n = origin.images > 0 ? origin.images / kTasks : kPerGroup;
    for (int64_t group = 0; group <= t; ++group) {
      const int64_t drawn = 50 + static_cast<int64_t>(random() % 40) - (t - group) * 3;
      const int64_t correct = right.empty() ? drawn : right[static_cast<size_t>(group)];
      const int64_t within = std::min(n, correct + static_cast<int64_t>(random() % 10));
      add(rows.eval, attempt, t, group, n, correct, within, within, 80.5);
    }
    add(rows.span, attempt, seq++, "train_task", t, 20.0 + static_cast<double>(random() % 100) / 10);
    add(rows.span, attempt, seq++, "evaluate", t, 2.0);
    add(rows.scalar, attempt, "updates", t, 300.0);
    add(rows.scalar, attempt, "loss", t, 0.25);
  }
  for (const char* name : {"cached_seconds_saved", "forwards_charged", "forwards_saved", "images_seen", "peak_rss_bytes", "state_bytes"})
    add(rows.resource, attempt, name, static_cast<double>(random() % 1000));
}

void fill(const std::string& file, int64_t runs, int64_t images) {
  { const store::Store made = store::Store::open(file, store::Store::Mode::kWrite); }
  SQLite::Database db(file, SQLite::OPEN_READWRITE);
  db.exec("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000");
  SQLite::Transaction transaction(db);
  Rows rows(db);
  const store::Machine machine{"Some CPU", "avx2", "", "Linux", 2, int64_t{8} << 30};
  const Origin origin{store::build_id(db, {"abc123", "0.1.0", "gcc 12"}),
                      store::plugin_id(db, "dataset", "made", "1.0.0", base::hex(base::sha256("made"))), store::machine_id(db, machine),
                      images};
  for (int64_t number = 0; number < runs; ++number) {
    add_run(db, rows, origin, number);
    if (number % 10000 == 9999) std::fprintf(stderr, "%ld of %ld runs\n", static_cast<long>(number + 1), static_cast<long>(runs));
  }
  transaction.commit();
  db.exec("PRAGMA journal_mode = WAL");
}

}  // namespace

int main(int argc, char** argv) {
  const long runs = argc > 2 ? std::atol(argv[2]) : 0, images = argc > 3 ? std::atol(argv[3]) : 0;
  if (runs < 1 || runs > 10'000'000 || images < 0 || images % 100 != 0 || std::filesystem::exists(argv[1])) {
    std::fprintf(stderr, "usage: make_runs NEW_FILE RUNS [IMAGES], with RUNS from 1 to 10,000,000 and IMAGES a multiple of 100\n");
    return 2;
  }
  try {
    fill(argv[1], runs, images);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_runs: %s\n", error.what());
    return 3;
  }
  return 0;
}
