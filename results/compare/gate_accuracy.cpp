#include <fmt/format.h>

#include <algorithm>
#include <clb/stats/paired.hpp>
#include <cmath>
#include <set>

#include "conclusion.hpp"
#include "gate_parts.hpp"

namespace clb::compare {
namespace {

bool features_cached(const Side& side, const std::vector<Pair>& pairs) {
  return std::ranges::all_of(pairs, [&](const Pair& pair) {
    const auto resources = side.store->resources(pair.b->attempt_id);
    const auto saved = resources.find("forwards_saved");
    return saved != resources.end() && saved->second > 0;
  });
}

// Equal hashes prove nothing on another kind of machine, nor about an extraction that did not run.
std::string why_no_hashes(const Side& head, const Counterpart& match, const std::vector<Pair>& pairs) {
  if (!match.same_machine) return "another machine class, logit hashes skipped";
  if (features_cached(head, pairs))
    return "equal hashes say nothing of the features, which came from the cache (run the head with --cache off)";
  return "";
}

std::string flips_text(const Flips& f) {
  return fmt::format("{} of {} predictions flipped, {} lost, {} gained, McNemar p {}", f.changed, f.n, f.only_a, f.only_b, p_value(f.p));
}

// Flips of one trained model are no independent draws: what one seed gains and another loses is the seeds' matter, not McNemar's.
bool one_direction(const std::vector<double>& units) {
  return std::ranges::all_of(units, [](double d) { return d <= 0; }) || std::ranges::all_of(units, [](double d) { return d >= 0; });
}

bool hashes_equal(const Side& base, const Side& head, const std::vector<Pair>& pairs) {
  return std::ranges::all_of(pairs, [&](const Pair& pair) { return same_logits(base, head, pair); });
}

bool few_flips(const Gauge& g) {
  return g.mcnemar_decides && static_cast<double>(g.flips->changed) <= g.floor * static_cast<double>(g.flips->n);
}

}  // namespace

std::vector<double> by_unit(const std::vector<RunId>& ids, const std::vector<double>& values) {
  std::set<int64_t> seeds;
  for (const RunId& id : ids) seeds.insert(id.seed);
  std::map<std::pair<int64_t, std::string>, std::vector<double>> units;
  for (size_t i = 0; i < ids.size(); ++i) {
    units[seeds.size() > 1 ? std::pair(ids[i].seed, std::string()) : std::pair(ids[i].order_seed, ids[i].order)].push_back(values[i]);
  }
  std::vector<double> means;
  for (const auto& [unit, list] : units) means.push_back(stats::mean(list));
  return means;
}

Gauge accuracy_gauge(const Side& base, const Side& head, const Counterpart& match, const GateOptions& options) {
  Gauge g;
  g.what = "accuracy";
  g.floor = options.floor.value_or(base.series->frozen_features() ? kFrozenFloor : kTrainedFloor);
  const metrics::Metric& metric = metrics::find(options.metric);
  std::vector<Pair> pairs;
  std::vector<RunId> ids;
  std::vector<double> before, after, change;
  const double sign = metric.direction == metrics::Direction::kHigherIsBetter ? 1 : -1;
  for (const Pair& pair : pairs_of(*base.series, *head.series)) {
    const auto old = value_of(*base.store, *pair.a, metric), now = value_of(*head.store, *pair.b, metric);
    if (!old || !now) continue;
    pairs.push_back(pair);
    ids.push_back(pair.id);
    before.push_back(*old);
    after.push_back(*now);
    change.push_back(sign * (*now - *old));
  }
  if (pairs.empty()) {
    g.why = "no pair of finished runs with the same seed and class order";
    return g;
  }
  const std::vector<double> units = by_unit(ids, change);
  g.n = units.size();
  g.base = stats::mean(by_unit(ids, before));
  g.head = stats::mean(by_unit(ids, after));
  g.change = stats::mean(units);
  const std::string no_hashes = why_no_hashes(head, match, pairs);
  if (no_hashes.empty() && hashes_equal(base, head, pairs)) {
    g.verdict = Verdict::kUnchanged;
    g.why = "the logits of all tasks have the same hashes";
    return g;
  }
  if (const FlipTable flips = flips_of(base, head, pairs); !flips.after_task.empty()) g.flips = flips.after_task.back();
  g.why = no_hashes;
  if (g.n < kFewestSeeds) return g;
  g.interval = stats::t_interval(units, stats::kLevel);
  g.mcnemar_decides =
      g.flips && match.same_machine && base.series->repeatable() && metric.id == std::string("acc.last.sample") && one_direction(units);
  g.p = g.mcnemar_decides ? g.flips->p : stats::t_test(units);
  return g;
}

void decide_accuracy(Gauge& g) {
  if (g.verdict == Verdict::kUnchanged || g.n == 0) return;
  const std::string noted = g.why.empty() ? "" : "; " + g.why, flips = g.flips ? "; " + flips_text(*g.flips) : "";
  if (!g.interval) {
    g.why = fmt::format("{} paired seed{}, at least {} are needed (difference {} points){}{}", g.n, g.n == 1 ? "" : "s", kFewestSeeds,
                        points(g.change), flips, noted);
    return;
  }
  const bool real = *g.p_holm < kAlpha;
  if (real && g.change < -g.floor) {
    g.verdict = Verdict::kRegression;
  } else if (real && g.change > g.floor) {
    g.verdict = Verdict::kImproved;
  } else {
    g.verdict = g.interval->low > -g.floor || few_flips(g) ? Verdict::kNoRegression : Verdict::kCannotTell;
  }
  g.why = fmt::format("difference {} points, 95 % interval {} to {}, {} seeds, floor {:.2f}, p {}{}{}", points(g.change),
                      points(g.interval->low), points(g.interval->high), g.n, 100 * g.floor, p_value(*g.p_holm), flips, noted);
}

}  // namespace clb::compare
