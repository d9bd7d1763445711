// Accuracies over the classes seen so far. Weighted by samples they are what PILOT, L2P and most papers print; weighted by tasks what
// CODA-Prompt, Mammoth and HiDe-Prompt print. The two differ as soon as tasks have different numbers of test samples.
#include "formulas.hpp"

namespace clb::metrics {
namespace {

// Share of the samples of all seen groups that `correct` counts.
template <class Correct>
double over_samples(const AccuracyMatrix& m, int64_t after_task, Correct correct) {
  int64_t hits = 0, n = 0;
  for (int64_t group = 0; group < m.seen_groups(after_task); ++group) {
    accuracy_at(m, after_task, group);  // a missing group is a dash, not a smaller mean
    const base::EvalCount& count = *m.find(after_task, group);
    hits += correct(count);
    n += count.n;
  }
  if (n == 0) throw Dash{"no test samples after task " + std::to_string(after_task + 1)};
  return static_cast<double>(hits) / static_cast<double>(n);
}

double over_samples(const AccuracyMatrix& m, int64_t after_task) {
  return over_samples(m, after_task, [](const base::EvalCount& count) { return count.correct; });
}

double over_tasks(const AccuracyMatrix& m, int64_t after_task) {
  const int64_t groups = m.seen_groups(after_task);
  if (groups == 0) throw Dash{"no test samples after task " + std::to_string(after_task + 1)};
  double sum = 0;
  for (int64_t group = 0; group < groups; ++group) sum += accuracy_at(m, after_task, group);
  return sum / static_cast<double>(groups);
}

template <class Accuracy>
double mean_over_stages(const AccuracyMatrix& m, Accuracy accuracy) {
  require_tasks(m, 1);
  double sum = 0;
  for (int64_t t = 0; t < m.tasks(); ++t) sum += accuracy(m, t);
  return sum / static_cast<double>(m.tasks());
}

}  // namespace

Result acc_last_sample(const AccuracyMatrix& m) {
  return guarded([&] { return over_samples(m, m.last()); });
}

Result accuracy_after(const AccuracyMatrix& m, int64_t task) {
  return guarded([&] { return over_samples(m, task); });
}

Result acc_mean_sample(const AccuracyMatrix& m) {
  return guarded([&] { return mean_over_stages(m, [](const AccuracyMatrix& a, int64_t t) { return over_samples(a, t); }); });
}

Result acc_last_task(const AccuracyMatrix& m) {
  return guarded([&] { return over_tasks(m, m.last()); });
}

Result acc_mean_task(const AccuracyMatrix& m) {
  return guarded([&] { return mean_over_stages(m, over_tasks); });
}

Result acc_within_task(const AccuracyMatrix& m) {
  return guarded([&] { return over_samples(m, m.last(), [](const base::EvalCount& count) { return count.correct_within; }); });
}

std::vector<Weight> weights_after(const AccuracyMatrix& m, int64_t task) {
  std::vector<Weight> weights;
  share_by_samples(weights, m, task, 0, m.seen_groups(task), 1);
  return weights;
}

std::vector<Weight> acc_last_sample_weights(const AccuracyMatrix& m) { return weights_after(m, m.last()); }

std::vector<Weight> acc_mean_sample_weights(const AccuracyMatrix& m) {
  std::vector<Weight> weights;
  for (int64_t t = 0; t < m.tasks(); ++t) share_by_samples(weights, m, t, 0, m.seen_groups(t), 1 / static_cast<double>(m.tasks()));
  return weights;
}

std::vector<Weight> acc_last_task_weights(const AccuracyMatrix& m) {
  std::vector<Weight> weights;
  share_alike(weights, m.last(), 0, m.seen_groups(m.last()), 1);
  return weights;
}

std::vector<Weight> acc_mean_task_weights(const AccuracyMatrix& m) {
  std::vector<Weight> weights;
  for (int64_t t = 0; t < m.tasks(); ++t) share_alike(weights, t, 0, m.seen_groups(t), 1 / static_cast<double>(m.tasks()));
  return weights;
}

}  // namespace clb::metrics
