// How much of an old group's accuracy is gone at the end. T tasks, a[t][j] as in matrix.hpp, j over the groups before the last.
#include <algorithm>

#include "formulas.hpp"

namespace clb::metrics {
namespace {

// Mean over j < T - 1 of max over t = j..newest of a[t][j], minus a[T-1][j].
double forgetting(const AccuracyMatrix& m, int64_t newest) {
  require_tasks(m, 2);
  double sum = 0;
  for (int64_t group = 0; group < m.last(); ++group) {
    double best = accuracy_at(m, group, group);
    for (int64_t t = group + 1; t <= newest; ++t) best = std::max(best, accuracy_at(m, t, group));
    sum += best - accuracy_at(m, m.last(), group);
  }
  return sum / static_cast<double>(m.last());
}

}  // namespace

Result forget_max_all(const AccuracyMatrix& m) {
  return guarded([&] { return forgetting(m, m.last()); });
}

Result forget_max_prev(const AccuracyMatrix& m) {
  return guarded([&] { return forgetting(m, m.last() - 1); });
}

Result bwt(const AccuracyMatrix& m) {
  return guarded([&] {
    require_tasks(m, 2);
    double sum = 0;
    for (int64_t group = 0; group < m.last(); ++group) sum += accuracy_at(m, m.last(), group) - accuracy_at(m, group, group);
    return sum / static_cast<double>(m.last());
  });
}

std::vector<Weight> bwt_weights(const AccuracyMatrix& m) {
  std::vector<Weight> weights;
  share_alike(weights, m.last(), 0, m.last(), 1);
  for (int64_t group = 0; group < m.last(); ++group) share_alike(weights, group, group, group + 1, -1 / static_cast<double>(m.last()));
  return weights;
}

}  // namespace clb::metrics
