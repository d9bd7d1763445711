// Time and memory of a series.
#include <fmt/format.h>

#include <algorithm>
#include <clb/stats/bootstrap.hpp>
#include <clb/stats/paired.hpp>
#include <cmath>

#include "conclusion.hpp"
#include "gate_parts.hpp"

namespace clb::compare {
namespace {

// The i-th attempts at one run on both sides, by start: neighbours in time when they ran alternately.
struct Repetition {
  const store::RunRow *base, *head;
  std::map<std::string, double> base_resources, head_resources;
};

double resource(const std::map<std::string, double>& resources, const char* name) {
  const auto found = resources.find(name);
  return found == resources.end() ? 0 : found->second;
}

// Features from a cache cost neither the time nor the memory that computing them does.
bool same_cache(const Repetition& r) {
  return resource(r.base_resources, "forwards_saved") == resource(r.head_resources, "forwards_saved");
}

std::vector<Repetition> repetitions_of(const Side& base, const Side& head) {
  std::vector<Repetition> list;
  for (const auto& [id, before] : base.series->runs) {
    const auto after = head.series->runs.find(id);
    if (after == head.series->runs.end()) continue;
    for (size_t i = 0; i < std::min(before.ok.size(), after->second.ok.size()); ++i) {
      const store::RunRow &b = before.ok[i], &h = after->second.ok[i];
      list.push_back({&b, &h, base.store->resources(b.attempt_id), head.store->resources(h.attempt_id)});
    }
  }
  return list;
}

// Neither side was over before the other began. Times are ISO 8601 in UTC: their texts sort like them.
bool interleaved(const std::vector<Repetition>& list) {
  auto range = [&](const store::RunRow* Repetition::*side) {
    auto [first, last] = std::ranges::minmax(list, {}, [&](const Repetition& r) { return (r.*side)->started_at; });
    return std::pair((first.*side)->started_at, (last.*side)->started_at);
  };
  const auto [base_first, base_last] = range(&Repetition::base);
  const auto [head_first, head_last] = range(&Repetition::head);
  return base_first <= head_last && head_first <= base_last;
}

Gauge ratio_gauge(const std::string& what, const std::vector<double>& base, const std::vector<double>& head, double floor) {
  Gauge g;
  g.what = what;
  g.floor = floor;
  g.n = base.size();
  std::vector<double> logs, ratios;
  for (size_t i = 0; i < base.size(); ++i) {
    ratios.push_back(head[i] / base[i]);
    logs.push_back(std::log(ratios.back()));
  }
  g.base = stats::quantile(base, 0.5);
  g.head = stats::quantile(head, 0.5);
  g.change = stats::quantile(ratios, 0.5) - 1;
  if (g.n < kFewestSeeds) return g;
  const stats::Interval interval = stats::t_interval(logs, stats::kLevel);
  g.interval = stats::Interval{std::exp(interval.low) - 1, std::exp(interval.high) - 1};
  g.p = stats::t_test(logs);
  return g;
}

Gauge not_gated(const std::string& what, const std::string& why) {
  Gauge g;
  g.what = what;
  g.verdict = Verdict::kNotGated;
  g.why = why;
  return g;
}

// Of those repetitions in which both sides have the quantity.
template <class Value>
Gauge gauge_of(const std::string& what, const std::vector<Repetition>& list, double floor, Value value) {
  std::vector<double> base, head;
  for (const Repetition& r : list) {
    const double before = value(*r.base, r.base_resources), after = value(*r.head, r.head_resources);
    if (before > 0 && after > 0) {
      base.push_back(before);
      head.push_back(after);
    }
  }
  if (base.size() < kFewestSeeds)
    return not_gated(
        what, fmt::format("{} pair{} of repetitions, at least {} are needed", base.size(), base.size() == 1 ? "" : "s", kFewestSeeds));
  return ratio_gauge(what, base, head, floor);
}

}  // namespace

std::string signed_percent(double ratio) { return fmt::format("{:+.1f} %", 100 * ratio); }

std::vector<Gauge> cost_gauges(const Side& base, const Side& head, const Counterpart& match, const GateOptions& options) {
  const std::string other = "another machine class";
  if (!match.same_machine) return {not_gated("time", other), not_gated("memory", other)};
  std::vector<Repetition> list = repetitions_of(base, head);
  const size_t all = list.size();
  std::erase_if(list, [](const Repetition& r) { return !same_cache(r); });
  if (list.empty()) {
    const std::string why = all == 0 ? "no pair of finished runs" : "one side took features from the cache that the other computed";
    return {not_gated("time", why), not_gated("memory", why)};
  }
  const bool alternately = interleaved(list);
  Gauge time = gauge_of("time", list, options.cost_floor, [](const store::RunRow& run, const auto&) { return run.wall_s; });
  if (time.interval && !alternately) {
    time.verdict = Verdict::kNotGated;
    time.why = fmt::format("{} ({} to {}), but base and head did not run interleaved: a drift of the machine would look the same",
                           signed_percent(time.change), signed_percent(time.interval->low), signed_percent(time.interval->high));
    time.p.reset();
  }
  std::vector<Gauge> gauges{std::move(time)};
  auto of_resource = [](const char* name) { return [name](const store::RunRow&, const auto& r) { return resource(r, name); }; };
  gauges.push_back(gauge_of("memory", list, options.cost_floor, of_resource("peak_rss_bytes")));
  Gauge device = gauge_of("device memory", list, options.cost_floor, of_resource("peak_device_bytes"));
  if (device.n > 0) gauges.push_back(std::move(device));
  for (Gauge& gauge : gauges) gauge.interleaved = alternately;
  return gauges;
}

void decide_cost(Gauge& g) {
  if (!g.p_holm) return;
  const bool real = *g.p_holm < kAlpha;
  if (real && g.change > g.floor) {
    g.verdict = Verdict::kRegression;
  } else if (g.interval->high < g.floor) {
    g.verdict = real && g.change < -g.floor ? Verdict::kImproved : Verdict::kNoRegression;
  } else {
    // Memory does not drift: a clear answer counts however the runs were made, but only repetitions made for it were to give one.
    g.verdict = g.interleaved ? Verdict::kCannotTell : Verdict::kNotGated;
  }
  g.why = fmt::format("{}, 95 % interval {} to {}, median of {} repetitions, floor {:.1f} %, p {}{}", signed_percent(g.change),
                      signed_percent(g.interval->low), signed_percent(g.interval->high), g.n, 100 * g.floor, p_value(*g.p_holm),
                      g.verdict == Verdict::kNotGated ? "; too noisy, repeat base and head alternately" : "");
}

}  // namespace clb::compare
