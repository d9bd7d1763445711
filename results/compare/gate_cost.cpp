// Time and memory of a series.
#include <fmt/format.h>

#include <algorithm>
#include <clb/stats/bootstrap.hpp>
#include <clb/stats/paired.hpp>
#include <cmath>

#include "conclusion.hpp"
#include "gate_parts.hpp"
#include "passes.hpp"

namespace clb::compare {
namespace {

using Resources = std::map<std::string, double>;

double resource(const Resources& resources, const char* name) {
  const auto found = resources.find(name);
  return found == resources.end() ? 0 : found->second;
}

// Features from a cache cost neither the time nor the memory that computing them does.
bool same_cache(const Resources& a, const Resources& b) { return resource(a, "forwards_saved") == resource(b, "forwards_saved"); }

Gauge not_gated(const std::string& what, const std::string& why) {
  Gauge g;
  g.what = what;
  g.verdict = Verdict::kNotGated;
  g.why = why;
  return g;
}

std::string counted_pairs(size_t n) { return fmt::format("{} pair{}", n, n == 1 ? "" : "s"); }

Gauge ratio_gauge(const std::string& what, const std::vector<double>& base, const std::vector<double>& head, double floor,
                  const std::string& of) {
  if (base.size() < kFewestUnits)
    return not_gated(what, fmt::format("{} of {}, at least {} are needed", counted_pairs(base.size()), of, kFewestUnits));
  Gauge g;
  g.alpha = kCostAlpha;
  g.what = what;
  g.floor = floor;
  g.n = base.size();
  g.units = counted_pairs(g.n) + " of " + of;
  std::vector<double> logs, ratios;
  for (size_t i = 0; i < base.size(); ++i) {
    ratios.push_back(head[i] / base[i]);
    logs.push_back(std::log(ratios.back()));
  }
  g.base = stats::quantile(base, 0.5);
  g.head = stats::quantile(head, 0.5);
  g.change = stats::quantile(ratios, 0.5) - 1;
  const stats::Interval interval = stats::t_interval(logs, stats::kLevel);
  g.interval = stats::Interval{std::exp(interval.low) - 1, std::exp(interval.high) - 1};
  g.p = stats::t_test(logs);
  return g;
}

bool went_on(const Side& side, const store::RunRow& run) {  // its time holds what was computed twice
  return std::ranges::any_of(side.store->spans(run.attempt_id), [](const base::Span& span) { return span.phase == "resume"; });
}

// The attempts of one side at the runs that both have.
std::vector<Timed> timed_runs(const Side& side, const Side& other, bool head, Time time) {
  std::vector<Timed> list;
  for (const auto& [id, runs] : side.series->runs) {
    const auto partner = other.series->runs.find(id);
    if (partner == other.series->runs.end() || partner->second.ok.empty()) continue;
    const Resources theirs = other.store->resources(partner->second.ok.back().attempt_id);
    for (const store::RunRow& run : runs.ok) {
      const Resources own = side.store->resources(run.attempt_id);
      const double seconds = time == Time::kClock ? run.wall_s : resource(own, "processor_seconds");
      if (seconds > 0 && same_cache(own, theirs) && !went_on(side, run)) list.push_back({head, id, run.started_at, run.status.at, seconds});
    }
  }
  return list;
}

Gauge time_of(const Side& base, const Side& head, const GateOptions& options) {
  std::vector<Timed> list = timed_runs(base, head, false, options.time);
  const std::vector<Timed> of_head = timed_runs(head, base, true, options.time);
  if (list.empty() || of_head.empty())
    return not_gated("time", options.time == Time::kProcessor
                                 ? "no two runs with processor time and equal use of the feature cache (an older clbench recorded none; "
                                   "--wall-time gates the clock)"
                                 : "no two runs with a time and equal use of the feature cache");
  list.insert(list.end(), of_head.begin(), of_head.end());
  return time_gauge(alternating_passes(std::move(list)), options.cost_floor);
}

// The i-th attempts at one run on both sides: memory does not drift, so that the time between them does not matter.
Gauge memory_of(const std::string& what, const char* name, const Side& base, const Side& head, double floor) {
  std::vector<double> before, after;
  for (const auto& [id, runs] : base.series->runs) {
    const auto partner = head.series->runs.find(id);
    if (partner == head.series->runs.end()) continue;
    for (size_t i = 0; i < std::min(runs.ok.size(), partner->second.ok.size()); ++i) {
      const Resources was = base.store->resources(runs.ok[i].attempt_id), is = head.store->resources(partner->second.ok[i].attempt_id);
      if (!same_cache(was, is) || resource(was, name) <= 0 || resource(is, name) <= 0) continue;
      before.push_back(resource(was, name));
      after.push_back(resource(is, name));
    }
  }
  return ratio_gauge(what, before, after, floor, "runs with equal use of the feature cache");
}

double mean_load(const Side& side) {
  double sum = 0;
  size_t n = 0;
  for (const auto& [id, runs] : side.series->runs) {
    for (const store::RunRow& run : runs.ok) {
      const Resources resources = side.store->resources(run.attempt_id);
      if (!resources.contains("others_share")) continue;
      sum += resource(resources, "others_share");
      ++n;
    }
  }
  return n == 0 ? 0 : sum / static_cast<double>(n);
}

}  // namespace

std::string signed_percent(double ratio) { return fmt::format("{:+.1f} %", 100 * ratio); }

Gauge time_gauge(const std::vector<PassPair>& pairs, double floor) {
  std::vector<double> base, head;
  for (const PassPair& pair : pairs) {
    base.push_back(pair.base);
    head.push_back(pair.head);
  }
  Gauge g = ratio_gauge("time", base, head, floor, "passes");
  if (g.verdict == Verdict::kNotGated) g.why += ": base and head have to run in turn, whole passes of the suite one after the other";
  return g;
}

std::vector<Gauge> cost_gauges(const Side& base, const Side& head, const Counterpart& match, const GateOptions& options) {
  const std::string other = "another machine class";
  std::vector<Gauge> gauges;
  if (options.time != Time::kOff) gauges.push_back(match.same_machine ? time_of(base, head, options) : not_gated("time", other));
  if (!gauges.empty() && !load_text(base, head).empty()) gauges[0].alpha = kBusyAlpha;
  if (!match.same_machine) {
    gauges.push_back(not_gated("memory", other));
    return gauges;
  }
  gauges.push_back(memory_of("memory", "peak_rss_bytes", base, head, options.cost_floor));
  Gauge device = memory_of("device memory", "peak_device_bytes", base, head, options.cost_floor);
  if (device.n > 0) gauges.push_back(std::move(device));
  return gauges;
}

void decide_cost(Gauge& g) {
  if (!g.p_holm) return;
  const bool real = *g.p_holm < g.alpha;
  if (real && g.change > g.floor) {
    g.verdict = Verdict::kRegression;
  } else if (g.interval->high < g.floor) {
    g.verdict = real && g.change < -g.floor ? Verdict::kImproved : Verdict::kNoRegression;
  } else {
    // Whoever alternates passes asks about time; memory is told by the way, and when it scatters that is no answer.
    g.verdict = g.what == "time" ? Verdict::kCannotTell : Verdict::kNotGated;
  }
  g.why =
      fmt::format("{}, 95 % interval {} to {}, median of {}, floor {:.1f} %, p {}{}", signed_percent(g.change),
                  signed_percent(g.interval->low), signed_percent(g.interval->high), g.units, 100 * g.floor, p_value(*g.p_holm),
                  g.verdict == Verdict::kNotGated || g.verdict == Verdict::kCannotTell ? "; too noisy, more repetitions would tell" : "");
}

std::string load_text(const Side& base, const Side& head) {
  constexpr double kBusy = 0.1;
  const double before = mean_load(base), after = mean_load(head);
  if (std::max(before, after) < kBusy) return "";
  return fmt::format("the machine was busy: others took {:.0f} % of the processors' time while the base ran, {:.0f} % while the head ran",
                     100 * before, 100 * after);
}

}  // namespace clb::compare
