#include <clb/meta.h>
#include <fmt/format.h>
#include <clb/compare/units.hpp>

#include <clb/base/sha256.hpp>
#include <clb/compare/spec.hpp>
#include <clb/stats/uncertain.hpp>
#include <map>
#include <set>

namespace clb::compare {
namespace {

std::string counted(size_t n, const std::string& what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

// Equal texts get equal numbers.
class Numbers {
 public:
  int64_t of(const std::string& text) { return known_.try_emplace(text, static_cast<int64_t>(known_.size())).first->second; }

 private:
  std::map<std::string, int64_t> known_;
};

}  // namespace

std::string result_of(const store::Store& store, const store::RunRow& attempt) {
  base::Json result = store.prediction_hashes(attempt.attempt_id);
  for (const store::EvalRow& row : store.evals(attempt.attempt_id))
    result.push_back({row.after_task, row.count.group, row.count.n, row.count.correct, row.count.correct5, row.count.correct_within});
  return base::hex(base::sha256(std::string_view(base::canonical(result))));
}

std::string Units::text() const {
  if (of_orders()) return counted(values.size(), "class order") + (runs > values.size() ? fmt::format(" ({} runs)", runs) : "");
  return distinct < runs ? fmt::format("{} of {}", counted(distinct, "distinct result"), counted(runs, "seed")) : counted(runs, "seed");
}

Units units_of(const std::vector<Draw>& draws) {
  Numbers orders, results;
  std::vector<stats::DrawnRun> runs;
  std::vector<double> values;
  for (const Draw& draw : draws) {
    runs.push_back({draw.id.seed, orders.of(draw.id.order), results.of(draw.result)});
    values.push_back(draw.value);
  }
  Units units;
  static_cast<stats::Units&>(units) = stats::units_of(runs);
  units.values = stats::unit_means(units, values);
  return units;
}

stats::Interval interval_of_mean(const std::vector<stats::Uncertain>& parts) {
  const auto k = static_cast<double>(parts.size());
  stats::Uncertain all;
  double weighted = 0;
  for (const stats::Uncertain& part : parts) {
    const double share = part.variance() / (k * k);
    all.mean += part.mean / k;
    all.units.variance += share;
    weighted += share / part.df();
  }
  if (weighted > 0) all.units.df = all.units.variance / weighted;
  return stats::interval(all, stats::kLevel);
}

bool trains(const Series& series) { return (capabilities(series.spec) & (CLB_CAP_FROZEN_FEATURES | CLB_CAP_STATISTICS_ONLY)) == 0; }

std::string equal_seeds_text(const Side& side, const std::string& name) {
  std::map<std::string, std::map<std::string, std::set<int64_t>>> orders;  // order -> result -> seeds
  for (const auto& [id, runs] : side.series->runs) {
    if (!runs.ok.empty()) orders[id.order][result_of(*side.store, runs.ok.back())].insert(id.seed);
  }
  for (const auto& [order, results] : orders) {
    for (const auto& [result, seeds] : results) {
      if (seeds.size() > 1)
        return fmt::format(
            "seeds {} of {} made the same predictions after every task, where other seeds should make others: is the seed used?",
            fmt::join(seeds, ", "), name);
    }
  }
  return "";
}

}  // namespace clb::compare
