// What is known of a group before its task has been learned. All need predictions on unseen groups, which only methods that know all
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

Result acc_mean_all(const AccuracyMatrix& m) {
  return guarded([&] {
    require_tasks(m, 1);
    double sum = 0;
    for (int64_t t = 0; t < m.tasks(); ++t)
      for (int64_t group = 0; group < m.tasks(); ++group) sum += group > t ? unseen_accuracy(m, t, group) : accuracy_at(m, t, group);
    return sum / static_cast<double>(m.tasks() * m.tasks());
  });
}

Result acc_unseen(const AccuracyMatrix& m) {
  return guarded([&] {
    require_tasks(m, 2);
    double sum = 0;
    for (int64_t t = 0; t < m.last(); ++t) {
      int64_t hits = 0, n = 0;
      for (int64_t group = t + 1; group < m.tasks(); ++group) {
        unseen_accuracy(m, t, group);  // a missing group is a dash, not a smaller mean
        hits += m.find(t, group)->correct;
        n += m.find(t, group)->n;
      }
      sum += static_cast<double>(hits) / static_cast<double>(n);
    }
    return sum / static_cast<double>(m.last());
  });
}

std::vector<Weight> transfer_weights(const AccuracyMatrix& m) {
  std::vector<Weight> weights;
  for (int64_t group = 1; group < m.tasks(); ++group)
    for (int64_t t = 0; t < group; ++t) share_alike(weights, t, group, group + 1, 1 / static_cast<double>(group * m.last()));
  return weights;
}

std::vector<Weight> acc_mean_all_weights(const AccuracyMatrix& m) {
  std::vector<Weight> weights;
  for (int64_t t = 0; t < m.tasks(); ++t) share_alike(weights, t, 0, m.tasks(), 1 / static_cast<double>(m.tasks()));
  return weights;
}

std::vector<Weight> acc_unseen_weights(const AccuracyMatrix& m) {
  std::vector<Weight> weights;
  for (int64_t t = 0; t < m.last(); ++t) share_by_samples(weights, m, t, t + 1, m.tasks(), 1 / static_cast<double>(m.last()));
  return weights;
}

}  // namespace clb::metrics
