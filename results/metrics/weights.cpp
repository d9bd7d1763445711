// Shares of a metric that several formulas have.
#include "formulas.hpp"

namespace clb::metrics {

void share_by_samples(std::vector<Weight>& weights, const AccuracyMatrix& m, int64_t after_task, int64_t first, int64_t end, double sum) {
  int64_t n = 0;
  for (int64_t group = first; group < end; ++group)
    if (const base::EvalCount* count = m.find(after_task, group)) n += count->n;
  for (int64_t group = first; group < end; ++group)
    if (const base::EvalCount* count = m.find(after_task, group))
      weights.push_back({after_task, group, sum * static_cast<double>(count->n) / static_cast<double>(n)});
}

void share_alike(std::vector<Weight>& weights, int64_t after_task, int64_t first, int64_t end, double sum) {
  for (int64_t group = first; group < end; ++group) weights.push_back({after_task, group, sum / static_cast<double>(end - first)});
}

}  // namespace clb::metrics
