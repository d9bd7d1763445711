// `clbench compare A B`: two methods, presets, commits or databases on the same seeds and class orders.
//
// What A and B have under one comparability key is compared there; a difference is A - B, its n the units of clb/compare/units.hpp. Several
// keys (datasets, protocols) are summed up by the mean over them.
#pragma once

#include <clb/compare/pair.hpp>
#include <clb/compare/ref.hpp>
#include <clb/compare/units.hpp>
#include <clb/stats/interval.hpp>
#include <clb/stats/paired.hpp>
#include <optional>

namespace clb::compare {

// Below this many units a t interval is wider than anything that can be said with it.
inline constexpr size_t kFewestPairs = 3;

// One metric over the pairs of one key. Values in the metric's unit (fractions).
struct Difference {
  const metrics::Metric* metric = nullptr;
  std::vector<double> a, b;                 // one per pair in which both have a value
  Units units;                              // of the differences
  double mean_a = 0, mean_b = 0, mean = 0;  // over units; mean = mean_a - mean_b
  bool over_images = false;                 // what follows is over units and test images (clb/stats/uncertain.hpp); else over units
  stats::Uncertain between;                 // the mean difference, from kFewestPairs units on
  std::optional<stats::Interval> interval;  // 95 % of the mean difference, from kFewestPairs units on
  std::optional<double> p;                  // of no difference, from there on, too
  std::optional<stats::SignFlip> sign_flip;
  std::optional<double> better;  // probability that A is better than B, by the same t distribution
};

// The mean over several keys of the differences, where each has an interval: these keys are given, not drawn, so that only their units
// scatter (interval_of_mean).
struct Overall {
  size_t settings = 0;
  double mean_a = 0, mean_b = 0, mean = 0;
  stats::Interval interval;
};

enum class Finding { kABetter, kBBetter, kNotApart, kSame, kCannotTell };

struct Matched {  // a series of A and a series of B under one comparability key
  std::shared_ptr<const store::Store> store_a, store_b;
  Series a, b;
  std::string a_name, b_name, setting, config_difference;
  std::vector<RunId> ids;  // of the pairs
  size_t unpaired_a = 0, unpaired_b = 0;
  size_t shared = 0;  // attempts; a and b hold them no more
  std::vector<Difference> differences;
  FlipTable flips;
  Finding finding = Finding::kCannotTell;  // by deciding()

  const Difference& deciding() const;  // the first metric that has a value: a joint run has no mean over tasks
};

struct Comparison {
  Ref a, b;
  std::vector<Matched> matched;
  std::optional<Overall> overall;  // over several keys, by the deciding metric of the first
  std::vector<std::string> notes;
  std::string conclusion;  // one sentence of plain English
  bool cannot_tell = false;
};

// Error (exit 2): a ref that matches nothing, or several configurations under one key (it lists them); A and B without a common key (it
// names the field that differs); without a common seed and class order. That both hold the same attempts alone is no error: nothing
// can be told then.
Comparison compare(const Ref& a, const Ref& b, const std::vector<std::string>& metric_ids);

std::string comparison_text(const Comparison& comparison);
std::string comparison_json(const Comparison& comparison);

}  // namespace clb::compare
