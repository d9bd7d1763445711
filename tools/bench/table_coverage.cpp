// table_coverage [TABLES]: the same from end to end. A database of so many data sets, on each of which equal methods were run with three
// seeds (or three class orders of two seeds each), is written as runs write it and tabulated by the report library; then the intervals that
// the table prints are held against the true accuracy, and its marks against the truth that no method is worse. One more method repeats
// one result. Exits with 1 where too few intervals hold or too many tables say something false.
#include <clb/base/json_at.hpp>
#include <clb/base/sha256.hpp>
#include <clb/report/table.hpp>
#include <clb/store/store.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "made_outcomes.hpp"

namespace {

using namespace clb;
using base::Json;
namespace fs = std::filesystem;

constexpr int64_t kTasks = 3, kClasses = 6, kImages = 300, kMethods = 4;
constexpr double kLevel = 1;
const bench::Effects kEffects{1.5, 0.2, 0.2};

std::string digest(const std::string& of) { return base::hex(base::sha256(std::string_view(of))); }

base::RunSpec spec_of(int table, const std::string& method, int64_t seed, int64_t order) {
  base::RunSpec spec;
  spec.experiment = "simulated";
  spec.method.id = method;
  spec.method.params = Json::object();
  spec.dataset = {"made", "", "", digest("made " + std::to_string(table)), "images", kClasses, 0, 0, 0, Json::object(), {}};
  spec.weights = {{"main", "", digest("weights"), {}, true, 3}};
  spec.protocol.split = "B0-Inc2";
  spec.protocol.order = "seed";
  spec.protocol.order_seed = order;
  for (int64_t c = 0; c < kClasses; ++c) spec.protocol.class_order.push_back((c + 2 * order) % kClasses);
  spec.protocol.task_sizes.assign(kTasks, 2);
  spec.protocol.eval_transform.name = "made";
  spec.seed = seed;
  spec.threads = 1;
  return spec;
}

// right: of image i after task t, answered anew after each task.
void add_run(store::Store& store, const base::RunSpec& spec, const std::vector<std::vector<float>>& right) {
  const int64_t attempt =
      store.begin_attempt(spec, {digest("plugin"), "1.0.0", digest("data"), "1.0.0", digest("runner"), "2", {}, {}, ""});
  base::Targets targets{"test", {}};
  for (int64_t i = 0; i < kImages; ++i) targets.labels.push_back(i % kClasses);
  store.add_targets(attempt, targets);
  std::vector<int64_t> group(kClasses);
  for (int64_t p = 0; p < kClasses; ++p) group[static_cast<size_t>(spec.protocol.class_order[static_cast<size_t>(p)])] = p / 2;
  for (int64_t t = 0; t < kTasks; ++t) {
    base::TaskDone done;
    done.task = t;
    done.logit_hash = digest(spec.key() + std::to_string(t));
    for (int64_t p = 2 * t; p < 2 * t + 2; ++p) done.classes.push_back(spec.protocol.class_order[static_cast<size_t>(p)]);
    for (int64_t g = 0; g <= t; ++g) done.evals.push_back({g, 0, 0, 0, 0, 0});
    for (int64_t i = 0; i < kImages; ++i) {
      const int64_t label = i % kClasses, own = group[static_cast<size_t>(label)];
      const bool good = right[static_cast<size_t>(t)][static_cast<size_t>(i)] > 0;
      done.predictions.push_back(own > t ? -1 : good ? label : (label + 1) % kClasses);
      if (own > t) continue;
      base::EvalCount& count = done.evals[static_cast<size_t>(own)];
      ++count.n;
      for (int64_t* counted : {&count.correct, &count.correct5, &count.correct_within}) *counted += good;
    }
    store.add_task(attempt, done);
  }
  store.add_status(attempt, {"ok", "", "", ""});
}

void add_table(store::Store& store, bench::Outcomes& outcomes, int table, const bench::Design& design) {
  const std::vector<double> images = outcomes.normals(kImages, kEffects.image);
  for (int64_t method = 0; method <= kMethods; ++method) {
    const bool repeats = method == kMethods;
    const double of_method = repeats ? kEffects.seed * outcomes.normal() : 0;  // drawn once
    for (int64_t order = 0; order < design.orders; ++order) {
      const double of_order = design.orders > 1 ? kEffects.order * outcomes.normal() : 0;
      std::vector<std::vector<float>> right;
      for (int64_t seed = 0; seed < design.seeds; ++seed) {
        const double of_seed = repeats ? of_method : kEffects.seed * outcomes.normal();
        if (!repeats || right.empty()) right = outcomes.runs({1, kTasks, kImages}, kLevel + of_order + of_seed, {}, images, {0.0});
        const std::string name = repeats ? "repeats" : "method" + std::to_string(method);
        add_run(store, spec_of(table, name, seed, order), right);
      }
    }
  }
}

struct Counted {
  int intervals = 0, held = 0, tables = 0, false_marks = 0, repeated = 0;
};

Counted count(const Json& json, const char* metric, double truth) {
  Counted counted;
  for (const Json& table : json.at("tables")) {
    bool any = false;
    for (const Json& row : table.at("sections").at(0).at("rows")) {
      any = any || row.at("against_best").at("verdict") == "below";
      if (row.at("method") == "repeats") {
        counted.repeated += row.at("units").at("distinct_results") == row.at("units").at("orders");
        continue;
      }
      const Json& cell = row.at("cells").at(metric);
      ++counted.intervals;
      counted.held += cell.at("spread") == "units-images95" && cell.at("low") <= truth && truth <= cell.at("high");
    }
    ++counted.tables;
    counted.false_marks += any;
  }
  return counted;
}

bool simulate(int tables, const bench::Design& design) {
  std::string name = (fs::temp_directory_path() / "clb_tables_XXXXXX").string();
  const fs::path folder = mkdtemp(name.data());
  {
    store::Store store = store::Store::open(folder / "made.sqlite", store::Store::Mode::kWrite);
    bench::Outcomes outcomes(static_cast<uint64_t>(design.orders));
    for (int table = 0; table < tables; ++table) add_table(store, outcomes, table, design);
  }
  const store::Store store = store::Store::open(folder / "made.sqlite", store::Store::Mode::kRead);
  report::TableOptions options;
  options.format = report::Format::kJson;
  const Json json = base::parse_json(report::render_table(store, options), "the table");
  fs::remove_all(folder);
  const double spread = std::hypot(kEffects.image, design.orders > 1 ? kEffects.order : 0, kEffects.seed);
  bool good = true;
  for (const char* metric : {"acc.last.sample", "acc.mean.sample"}) {
    const Counted c = count(json, metric, bench::true_accuracy(kLevel, spread));
    const double held = 100.0 * c.held / c.intervals, falsely = 100.0 * c.false_marks / c.tables;
    std::printf("| %d x %d | %s | %.1f | %.1f | %d of %d |\n", static_cast<int>(design.orders), static_cast<int>(design.seeds), metric,
                held, falsely, c.repeated, c.tables);
    // Four methods of a table share its images: their intervals count as one in the error of the simulation.
    const double slack = 300 * std::sqrt(0.95 * 0.05 / c.tables);
    good = good && c.tables == tables && held > 93 - slack && held < 97 + slack && falsely < 6 + slack && c.repeated == c.tables;
  }
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  const int tables = argc > 1 ? std::atoi(argv[1]) : 300;
  if (tables < 1) {
    std::fprintf(stderr, "usage: table_coverage [TABLES]\n");
    return 2;
  }
  std::printf("| orders x seeds | metric | intervals that hold | tables with a false mark | one result found repeated |\n");
  std::printf("|---|---|---|---|---|\n");
  const bool seeds = simulate(tables, {1, 3, kImages}), orders = simulate(tables, {3, 2, kImages});
  return seeds && orders ? 0 : 1;
}
