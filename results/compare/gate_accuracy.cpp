#include <fmt/format.h>

#include <algorithm>
#include <clb/stats/paired.hpp>
#include <cmath>

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
  return fmt::format("{} of {} predictions flipped, {} lost, {} gained{}", f.changed, f.n, f.only_a, f.only_b,
                     f.p ? ", McNemar p " + p_value(*f.p) : "");
}

bool hashes_equal(const Side& base, const Side& head, const std::vector<Pair>& pairs) {
  return std::ranges::all_of(pairs, [&](const Pair& pair) { return same_logits(base, head, pair); });
}

// The pairs that are no copies of another within their class order.
std::vector<Pair> distinct(const std::vector<Pair>& pairs, const std::vector<Draw>& draws) {
  std::vector<Pair> kept;
  std::set<std::pair<std::string, std::string>> seen;
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (seen.emplace(draws[i].id.order, draws[i].result).second) kept.push_back(pairs[i]);
  }
  return kept;
}

// Of one pair of models on n images: the mean over images of right after minus right before is McNemar's difference.
void measure_images(Gauge& g) {
  const auto n = static_cast<double>(g.flips->n), lost = static_cast<double>(g.flips->only_a),
             gained = static_cast<double>(g.flips->only_b);
  const double mean = (gained - lost) / n, error = std::sqrt(((gained + lost) / n - mean * mean) / n);
  constexpr double kNormal = 1.959964;  // quantile 0.975
  g.over_images = true;
  g.interval = stats::Interval{mean - kNormal * error, mean + kNormal * error};
  g.p = g.flips->p;
}

struct Values {
  std::vector<Pair> pairs;
  std::vector<Draw> before, after, change;
};

Values values_of(const Side& base, const Side& head, const metrics::Metric& metric) {
  const double sign = metric.direction == metrics::Direction::kHigherIsBetter ? 1 : -1;
  Values values;
  for (const Pair& pair : pairs_of(*base.series, *head.series)) {
    const auto old = value_of(*base.store, *pair.a, metric), now = value_of(*head.store, *pair.b, metric);
    if (!old || !now) continue;
    const std::string result = result_of(*base.store, *pair.a) + result_of(*head.store, *pair.b);
    values.pairs.push_back(pair);
    values.before.push_back({pair.id, result, *old});
    values.after.push_back({pair.id, result, *now});
    values.change.push_back({pair.id, result, sign * (*now - *old)});
  }
  return values;
}

}  // namespace

void measure_units(Gauge& g, const Units& changes) {
  g.n = changes.values.size();
  g.units = changes.text();
  g.change = stats::mean(changes.values);
  if (g.n < kFewestUnits) return;
  g.interval = stats::t_interval(changes.values, stats::kLevel);
  g.p = stats::t_test(changes.values);
}

Gauge accuracy_gauge(const Side& base, const Side& head, const Counterpart& match, const GateOptions& options) {
  Gauge g;
  g.what = "accuracy";
  const bool frozen = base.series->frozen_features();
  g.floor = options.floor.value_or(frozen ? kFrozenFloor : kTrainedFloor);
  const metrics::Metric& metric = metrics::find(options.metric);
  const Values values = values_of(base, head, metric);
  if (values.pairs.empty()) {
    g.why = "no pair of finished runs with the same seed and class order";
    return g;
  }
  const Units changes = units_of(values.change);
  measure_units(g, changes);
  g.base = stats::mean(units_of(values.before).values);
  g.head = stats::mean(units_of(values.after).values);
  const std::string no_hashes = why_no_hashes(head, match, values.pairs);
  if (no_hashes.empty() && hashes_equal(base, head, values.pairs)) {
    g.verdict = Verdict::kUnchanged;
    g.why = "the logits of all tasks have the same hashes";
    g.interval.reset();
    g.p.reset();
    return g;
  }
  if (const FlipTable flips = flips_of(base, head, distinct(values.pairs, values.change)); !flips.after_task.empty())
    g.flips = flips.after_task.back();
  g.why = no_hashes;
  const bool one_result = changes.distinct == 1 && changes.runs >= kFewestUnits;
  if (frozen && one_result && g.flips && match.same_machine && metric.id == std::string("acc.last.sample")) measure_images(g);
  return g;
}

void decide_accuracy(Gauge& g) {
  if (g.verdict == Verdict::kUnchanged || g.n == 0) return;
  const std::string noted = g.why.empty() ? "" : "; " + g.why, flips = g.flips ? "; " + flips_text(*g.flips) : "";
  if (!g.interval) {
    g.why = fmt::format("{}, at least {} that differ are needed (difference {} points){}{}", g.units, kFewestUnits, points(g.change), flips,
                        noted);
    return;
  }
  const bool real = *g.p_holm < kAlpha;
  if (real && g.change < -g.floor) {
    g.verdict = Verdict::kRegression;
  } else if (real && g.change > g.floor) {
    g.verdict = Verdict::kImproved;
  } else {
    g.verdict = g.interval->low > -g.floor ? Verdict::kNoRegression : Verdict::kCannotTell;
  }
  g.why =
      fmt::format("difference {} points, 95 % interval {} to {}{}, {}, floor {:.2f}, p {}{}{}", points(g.change), points(g.interval->low),
                  points(g.interval->high), g.over_images ? " over images" : "", g.units, 100 * g.floor, p_value(*g.p_holm), flips, noted);
}

// What a method claims of repeating bit for bit holds for one machine class and one number of threads.
Gauge repeats_gauge(const Side& base, const Side& head, const Counterpart& match) {
  Gauge g;
  g.what = "repeats";
  g.verdict = Verdict::kNotGated;
  const std::vector<Pair> pairs = pairs_of(*base.series, *head.series);
  if (!base.series->repeatable()) {
    g.why = "the method does not claim to repeat bit for bit";
  } else if (!match.changed.empty()) {
    g.why = "its parameters were changed";
  } else if (!match.same_machine || std::ranges::any_of(pairs, [](const Pair& p) { return p.a->threads != p.b->threads; })) {
    g.why = "another machine class or number of threads, where nothing is claimed";
  } else if (const FlipTable flips = flips_of(base, head, pairs); !flips.missing.empty() || flips.after_task.empty()) {
    g.verdict = Verdict::kCannotTell;
    g.why = flips.missing.empty() ? "no pair of finished runs with the same seed and class order" : flips.missing;
  } else {
    g.n = pairs.size();
    int64_t changed = 0, of = 0;
    for (const Flips& after : flips.after_task) {
      changed += after.changed;
      of += after.n;
    }
    g.verdict = changed > 0 ? Verdict::kRegression : Verdict::kUnchanged;
    g.why = fmt::format("{} of {} predictions after all tasks flipped in {} pair{} of runs, and the method claims that none does", changed,
                        of, g.n, g.n == 1 ? "" : "s");
  }
  return g;
}

}  // namespace clb::compare
