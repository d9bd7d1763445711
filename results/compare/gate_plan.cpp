// How many seeds, and how long.
#include <fmt/format.h>

#include <algorithm>
#include <clb/stats/sample_size.hpp>
#include <cmath>
#include <set>

#include <clb/compare/spec.hpp>
#include "columns.hpp"
#include "gate_parts.hpp"

namespace clb::compare {
namespace {

double sd_of(const std::vector<double>& values) {
  const double mean = stats::mean(values);
  double squares = 0;
  for (double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

std::vector<double> paired_changes(const Side& base, const Side& head, const metrics::Metric& metric) {
  std::vector<Draw> changes;
  for (const Pair& pair : pairs_of(*base.series, *head.series)) {
    const auto before = value_of(*base.store, *pair.a, metric), after = value_of(*head.store, *pair.b, metric);
    if (before && after) changes.push_back({pair.id, result_of(*base.store, *pair.a) + result_of(*head.store, *pair.b), *after - *before});
  }
  return units_of(changes).values;
}

struct Seen {
  std::vector<double> units, seconds;
  size_t runs_per_unit = 1;
};

Seen seen_in(const Side& side, const metrics::Metric& metric) {
  Seen seen;
  std::vector<Draw> values;
  for (const auto& [id, repetitions] : side.series->runs) {
    if (repetitions.ok.empty()) continue;
    const store::RunRow& run = repetitions.ok.back();
    if (const auto value = value_of(*side.store, run, metric)) values.push_back({id, result_of(*side.store, run), *value});
    seen.seconds.push_back(run.wall_s);
  }
  seen.units = units_of(values).values;
  if (!seen.units.empty()) seen.runs_per_unit = (values.size() + seen.units.size() - 1) / seen.units.size();
  return seen;
}

PlannedSeries plan_series(const Selection& base, const Selection* head, const Counterpart& match, const GateOptions& options) {
  const metrics::Metric& metric = metrics::find(options.metric);
  const Side before{base.store.get(), match.base};
  const Seen seen = seen_in(before, metric);
  PlannedSeries plan;
  plan.key = match.base->key();
  plan.name = match.name;
  plan.setting = setting_name(match.base->spec);
  plan.seeds = seen.units.size();
  plan.floor = options.floor.value_or(match.base->frozen_features() ? kFrozenFloor : kTrainedFloor);
  plan.seconds = seen.seconds.empty() ? 0 : stats::mean(seen.seconds);
  std::vector<double> changes;
  if (head && match.head) {
    const Apart own(match);
    changes = paired_changes({base.store.get(), own.match.base}, {head->store.get(), own.match.head}, metric);
  }
  plan.paired = changes.size() >= 2;
  if (!plan.paired && seen.units.size() < 2) {
    plan.why = "one result shows no spread; run at least two seeds that differ";
    return plan;
  }
  plan.sd = plan.paired ? sd_of(changes) : std::sqrt(2.0) * sd_of(seen.units);
  plan.needed = stats::pairs_needed(plan.sd, plan.floor);
  if (!plan.needed) {
    plan.why = fmt::format("more than {} seeds; a wider --floor or more test images would help", stats::kMostPairs);
    return plan;
  }
  const auto needed = static_cast<double>(*plan.needed), missing = std::max(0.0, needed - static_cast<double>(plan.seeds));
  plan.minutes = (needed + missing) * static_cast<double>(seen.runs_per_unit) * plan.seconds / 60;
  return plan;
}

double total_minutes(const std::vector<PlannedSeries>& plan) {
  double sum = 0;
  for (const PlannedSeries& series : plan) sum += series.minutes;
  return sum;
}

}  // namespace

std::vector<PlannedSeries> plan_gate(const Ref& base, const std::optional<Ref>& head, const GateOptions& options) {
  const Selection before = select(base, Commits::kNewest);
  std::optional<Selection> after;
  if (head) after = select(*head, Commits::kNewest);
  const std::vector<Series> of_base = series_of(before.attempts, true),
                            of_head = after ? series_of(after->attempts, true) : std::vector<Series>();
  std::vector<const Series*> fresh;
  std::vector<PlannedSeries> plan;
  for (const Counterpart& match : counterparts(of_base, of_head, fresh))
    plan.push_back(plan_series(before, after ? &*after : nullptr, match, options));
  return plan;
}

std::string plan_text(const std::vector<PlannedSeries>& plan) {
  Rows rows{{"method", "setting", "floor", "spread", "seeds seen", "seeds needed", "time of a run", "minutes"}};
  for (const PlannedSeries& p : plan) {
    rows.push_back({p.name, p.setting, fmt::format("{:.2f}", 100 * p.floor),
                    p.sd > 0 || p.needed ? fmt::format("{:.3f}{}", 100 * p.sd, p.paired ? "" : "*") : "–", std::to_string(p.seeds),
                    p.needed ? std::to_string(*p.needed) : "cannot tell: " + p.why, fmt::format("{:.1f} s", p.seconds),
                    p.needed ? fmt::format("{:.1f}", p.minutes) : "–"});
  }
  return aligned(rows) +
         fmt::format(
             "\n{:.1f} minutes in all, one run at a time: the head's seeds, and those that the base still lacks\n"
             "floor and spread (standard deviation of a difference) in points; * from the spread over seeds, an upper bound\n"
             "enough seeds: when nothing changed, the gate says so with a probability of at least 80 %\n",
             total_minutes(plan));
}

std::string plan_json(const std::vector<PlannedSeries>& plan) {
  base::Json list = base::Json::array();
  for (const PlannedSeries& p : plan) {
    list.push_back({{"series", p.key},
                    {"name", p.name},
                    {"setting", p.setting},
                    {"floor", p.floor},
                    {"sd", p.sd},
                    {"paired", p.paired},
                    {"seeds", p.seeds},
                    {"seeds_needed", p.needed ? base::Json(*p.needed) : base::Json(nullptr)},
                    {"why", p.why},
                    {"seconds_per_run", p.seconds},
                    {"minutes", p.minutes}});
  }
  return base::pretty({{"version", 1}, {"series", list}, {"minutes", total_minutes(plan)}}) + "\n";
}

}  // namespace clb::compare
