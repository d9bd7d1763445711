// `clbench gate`: did accuracy, speed or memory change from one build to the next: yes, no, cannot tell. Reads stored runs, starts none.
//
// Accuracy of a series, in this order:
//  1. equal logit hashes of all pairs (one machine class; not all features of the head from a cache): unchanged.
//  2. paired units (clb/compare/units.hpp), at least kFewestUnits: mean difference with 95 % t interval, Holm over the series. A regression
//     when the difference is no accident (adjusted p < 0.05) and exceeds the floor; "no regression" only when the interval stays above
//     -floor.
//  3. a method that predicts from frozen features and gives one result whatever the seed (shown by kFewestUnits of them) has no other units
//     than images: exact McNemar, the interval over images, the same rule. Of all other methods images decide nothing: flips are told.
//  4. the line over commits in the base's file, and the head at its end: change points are told, and decide nothing.
//
// Time and memory: within one machine class, attempts with equal use of the feature cache. The ratio is the median over units, its interval
// the t interval of the logarithms; the same rule with a floor of 5 %. Units of time are passes that alternate (passes.hpp); memory does
// not drift, and its units are repetitions of runs.
#pragma once

#include <clb/compare/pair.hpp>
#include <clb/compare/ref.hpp>
#include <clb/stats/interval.hpp>
#include <optional>
#include <string>
#include <vector>

namespace clb::compare {

enum class Verdict { kUnchanged, kNoRegression, kImproved, kNotGated, kCannotTell, kRegression };
const char* word_of(Verdict verdict);  // "unchanged", "no regression", ...

enum class Time { kProcessor, kClock, kOff };

struct GateOptions {
  std::string metric = "acc.last.sample";
  std::optional<double> floor;  // of accuracies, as a fraction; default: kFrozenFloor or kTrainedFloor
  double cost_floor = 0.05;     // of time and memory, as a fraction of the base
  Time time = Time::kProcessor;
  bool strict = false;  // any flipped prediction of a method that claims to repeat bit for bit is a regression
};
inline constexpr size_t kFewestUnits = 3;
inline constexpr double kFrozenFloor = 0.001;  // methods that predict from frozen features: 0.1 point
inline constexpr double kTrainedFloor = 0.01;  // 1 point

// One question about one series. Accuracy: differences head - base as fractions. Time, memory: head / base - 1.
struct Gauge {
  std::string what;  // "accuracy", "repeats", "runs", "time", "memory", "device memory"
  Verdict verdict = Verdict::kCannotTell;
  std::string why;
  size_t n = 0;       // units
  std::string units;  // "3 seeds", "4 pairs of passes"
  double base = 0, head = 0, change = 0, floor = 0;
  std::optional<stats::Interval> interval;
  std::optional<double> p, p_holm;  // of no change; adjusted over the series
  double alpha = 0.05;              // a change is real where p_holm is below
  std::optional<Flips> flips;       // after the last task
  bool over_images = false;         // the interval and p are: see 3
};

struct GatedSeries {
  std::string key, name, setting, machine;
  std::vector<Gauge> gauges;
  std::vector<std::string> notes;  // changed parameters, another machine class, change points, ...
};

struct GateSide {
  std::string file, commit;
};
struct GateReport {
  GateSide base, head;
  std::string metric;
  std::vector<GatedSeries> series;
  size_t shared = 0;  // attempts that both hold, and that are left out
  Verdict overall = Verdict::kCannotTell;
  std::string conclusion;
  int exit_code() const;  // 0, 1 or 4
};

// Error (exit 2): see select(); base and head are the same.
GateReport gate(const Ref& base, const Ref& head, const GateOptions& options);

std::string gate_text(const GateReport& report);
std::string gate_json(const GateReport& report);
std::string gate_markdown(const GateReport& report);
std::string gate_junit(const GateReport& report);  // XML: a test suite for each series, a test case for each gauge

// `gate --plan`: seeds and minutes that a gate of these runs needs, from the spread and the times seen.
struct PlannedSeries {
  std::string key, name, setting;
  size_t seeds = 0;  // that the base has
  double floor = 0, sd = 0;
  bool paired = false;            // sd of paired differences (a head was given); else sd over seeds times sqrt(2), an upper bound
  std::optional<int64_t> needed;  // seeds; nullopt: cannot tell, or more than stats::kMostPairs
  std::string why;                // when there is no number
  double seconds = 0;             // of a run, mean
  double minutes = 0;             // of all needed runs of the head and the missing ones of the base
};
std::vector<PlannedSeries> plan_gate(const Ref& base, const std::optional<Ref>& head, const GateOptions& options);
std::string plan_text(const std::vector<PlannedSeries>& plan);
std::string plan_json(const std::vector<PlannedSeries>& plan);

}  // namespace clb::compare
