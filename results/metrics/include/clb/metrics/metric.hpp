// Metrics are named, versioned formulas over what is stored of a run: a table can be recomputed from the database at any time, also for
// runs that are older than the metric, and a changed formula is a new version, never the same name with another meaning.
#pragma once

#include <clb/metrics/run.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clb::metrics {

struct Result {
  std::optional<double> value;
  std::string dash;  // why there is no value; empty when there is one
};

enum class Direction { kHigherIsBetter, kLowerIsBetter };

// A share of a metric that is a sum of accuracies: weight * a[t][j].
struct Weight {
  int64_t after_task = 0, group = 0;
  double weight = 0;
};

struct Metric {
  const char* id;       // "acc.mean.sample"
  int64_t version;      // counts up when the formula changes
  const char* formula;  // in the words of matrix.hpp
  const char* source;   // where it was defined
  const char* unit;     // "fraction" (printed as a percentage) | "s" | "bytes" | "count"
  Direction direction;
  Result (*compute)(const Run&);
  // Of a metric that is such a sum, with weights that follow from the numbers of samples: all of them, of a run that has a value. nullptr:
  // it is none, and what a single image adds to it cannot be told.
  std::vector<Weight> (*weights)(const AccuracyMatrix&) = nullptr;
  bool holds_cached = false;  // the cost of cached features is in it, which was measured once for all runs that use them
};

const std::vector<Metric>& registry();

// Error (exit 2) names the metrics that there are when `id` is none of them.
const Metric& find(std::string_view id);

// acc.last.sample, had the run ended after this task: the points of the anytime curve, whose mean is acc.mean.sample. Fraction.
Result accuracy_after(const AccuracyMatrix& matrix, int64_t task);
std::vector<Weight> weights_after(const AccuracyMatrix& matrix, int64_t task);

}  // namespace clb::metrics
