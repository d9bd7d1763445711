// What one run left behind, as the formulas read it.
#pragma once

#include <clb/base/event.hpp>
#include <clb/metrics/matrix.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace clb::metrics {

// Predictions and labels of the evaluated split after the last task, as original class ids in index order; -1: not evaluated.
struct Predicted {
  std::vector<int64_t> predictions, labels;
  std::vector<std::vector<int64_t>> classes;  // of each task that was learned, in their order
};

struct Run {
  AccuracyMatrix matrix;
  double seconds = 0;                         // sum of all spans, which do not overlap
  std::vector<base::Metric> scalars{};        // what method and runner recorded, or those that somebody asked for
  std::map<std::string, double> resources{};  // of the whole run
  uint64_t capabilities = 0;                  // CLB_CAP_*, that the method claims with its parameters
  // Empty: nothing is stored. Called by the few formulas that need them.
  std::function<std::vector<base::Span>()> spans{};
  std::function<Predicted()> predicted{};
};

}  // namespace clb::metrics
