#include <clb/meta.h>
#include <fmt/format.h>
#include <clb/compare/units.hpp>

#include <boost/math/distributions/students_t.hpp>
#include <clb/base/error.hpp>
#include <clb/base/sha256.hpp>
#include <clb/compare/spec.hpp>
#include <cmath>
#include <map>
#include <set>

namespace clb::compare {
namespace {

std::string counted(size_t n, const std::string& what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

double variance(const std::vector<double>& values) {
  const double mean = stats::mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return squares / static_cast<double>(values.size() - 1);
}

}  // namespace

std::string result_of(const store::Store& store, const store::RunRow& attempt) {
  base::Json counts = base::Json::array();
  for (const store::EvalRow& row : store.evals(attempt.attempt_id))
    counts.push_back({row.after_task, row.count.group, row.count.n, row.count.correct, row.count.correct5, row.count.correct_within});
  base::Sha256 hash;
  hash.update(std::string_view(base::canonical(counts)));
  try {
    for (int64_t task = 0; task < attempt.tasks_done; ++task) {
      for (const int64_t predicted : store.prediction(attempt.attempt_id, task)) hash.update_u64(static_cast<uint64_t>(predicted));
    }
  } catch (const base::Error&) {  // none are stored: counts have to do
  }
  return base::hex(hash.finish());
}

std::string Units::text() const {
  if (orders) return counted(values.size(), "class order") + (runs > values.size() ? fmt::format(" ({} runs)", runs) : "");
  return distinct < runs ? fmt::format("{} of {}", counted(distinct, "distinct result"), counted(runs, "seed")) : counted(runs, "seed");
}

Units units_of(const std::vector<Draw>& draws) {
  std::map<std::string, std::map<std::string, double>> orders;  // order -> result -> its value
  for (const Draw& draw : draws) orders[draw.id.order].emplace(draw.result, draw.value);
  Units units;
  units.runs = draws.size();
  units.orders = orders.size() > 1;
  for (const auto& [order, results] : orders) {
    units.distinct += results.size();
    std::vector<double> values;
    for (const auto& [result, value] : results) values.push_back(value);
    if (units.orders) values = {stats::mean(values)};
    units.values.insert(units.values.end(), values.begin(), values.end());
  }
  return units;
}

double probability_above_zero(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = stats::mean(values), s = std::sqrt(variance(values));
  if (s == 0) return mean == 0 ? 0.5 : mean > 0 ? 1 : 0;
  return boost::math::cdf(boost::math::students_t(n - 1), mean / (s * std::sqrt(1 + 1 / n)));
}

stats::Interval interval_of_mean(const std::vector<std::vector<double>>& groups) {
  const auto k = static_cast<double>(groups.size());
  double mean = 0, error2 = 0, of_errors = 0;
  for (const std::vector<double>& group : groups) {
    const auto n = static_cast<double>(group.size());
    const double part = variance(group) / n / (k * k);
    mean += stats::mean(group) / k;
    error2 += part;
    of_errors += part * part / (n - 1);
  }
  if (error2 == 0) return {mean, mean};
  const boost::math::students_t distribution(error2 * error2 / of_errors);
  const double half = boost::math::quantile(distribution, 0.5 + stats::kLevel / 2) * std::sqrt(error2);
  return {mean - half, mean + half};
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
