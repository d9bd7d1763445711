// What is known of a group before its task has been learned. Both need predictions on unseen groups, which only methods that know all
// classes beforehand (class names, a fixed label set) can give.
#include "formulas.hpp"

namespace clb::metrics {
namespace {

double unseen_accuracy(const AccuracyMatrix& m, int64_t after_task, int64_t group) {
  const std::optional<double> accuracy = m.accuracy(after_task, group);
  if (!accuracy) throw Dash{"unseen tasks were not evaluated"};
  return *accuracy;
}

}  // namespace

Result fwt(const AccuracyMatrix& m) {
  return guarded([&] {
    require_tasks(m, 2);
    double sum = 0;
    for (int64_t group = 1; group < m.tasks(); ++group) {
      const double before = unseen_accuracy(m, group - 1, group);
      const std::optional<double> untrained = m.accuracy(-1, group);
      if (!untrained) throw Dash{"the untrained method was not evaluated"};
      sum += before - *untrained;
    }
    return sum / static_cast<double>(m.last());
  });
}

Result transfer(const AccuracyMatrix& m) {
  return guarded([&] {
    require_tasks(m, 2);
    double sum = 0;
    for (int64_t group = 1; group < m.tasks(); ++group) {
      double row = 0;
      for (int64_t t = 0; t < group; ++t) row += unseen_accuracy(m, t, group);
      sum += row / static_cast<double>(group);
    }
    return sum / static_cast<double>(m.last());
  });
}

}  // namespace clb::metrics
