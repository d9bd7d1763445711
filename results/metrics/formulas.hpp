// The formulas behind the registry, one file per family, and what they share.
#pragma once

#include <clb/metrics/metric.hpp>

namespace clb::metrics {

// accuracy.cpp
Result acc_last_sample(const AccuracyMatrix& m);
Result acc_mean_sample(const AccuracyMatrix& m);
Result acc_last_task(const AccuracyMatrix& m);
Result acc_mean_task(const AccuracyMatrix& m);
Result acc_within_task(const AccuracyMatrix& m);
std::vector<Weight> acc_last_sample_weights(const AccuracyMatrix& m);
std::vector<Weight> acc_mean_sample_weights(const AccuracyMatrix& m);
std::vector<Weight> acc_last_task_weights(const AccuracyMatrix& m);
std::vector<Weight> acc_mean_task_weights(const AccuracyMatrix& m);
// forgetting.cpp
Result forget_max_all(const AccuracyMatrix& m);
Result forget_max_prev(const AccuracyMatrix& m);
Result bwt(const AccuracyMatrix& m);
std::vector<Weight> bwt_weights(const AccuracyMatrix& m);
// transfer.cpp
Result fwt(const AccuracyMatrix& m);
Result transfer(const AccuracyMatrix& m);
Result acc_mean_all(const AccuracyMatrix& m);
Result acc_unseen(const AccuracyMatrix& m);
std::vector<Weight> transfer_weights(const AccuracyMatrix& m);
std::vector<Weight> acc_mean_all_weights(const AccuracyMatrix& m);
std::vector<Weight> acc_unseen_weights(const AccuracyMatrix& m);
// identification.cpp
Result task_identification(const Run& run);
// cost.cpp
Result time_total(const Run& run);
Result time_train(const Run& run);
Result time_features(const Run& run);
Result time_evaluate(const Run& run);
Result time_waited(const Run& run);
Result time_processor(const Run& run);
Result load_others(const Run& run);
Result memory_host(const Run& run);
Result memory_host_train(const Run& run);
Result memory_host_features(const Run& run);
Result memory_host_evaluate(const Run& run);
Result memory_device(const Run& run);
Result state_total(const Run& run);
Result state_parameters(const Run& run);
Result state_statistics(const Run& run);
Result state_exemplars(const Run& run);
Result trainable_parameters(const Run& run);
Result updates(const Run& run);

// Thrown inside a formula and turned into a dash by `guarded`: the reason why there is no value.
struct Dash {
  std::string reason;
};

// a[t][j]; Dash when the cell was not evaluated.
double accuracy_at(const AccuracyMatrix& m, int64_t after_task, int64_t group);

// Weights of the groups [first, end) after a task, by their samples or all alike; together `sum`.
void share_by_samples(std::vector<Weight>& weights, const AccuracyMatrix& m, int64_t after_task, int64_t first, int64_t end, double sum);
void share_alike(std::vector<Weight>& weights, int64_t after_task, int64_t first, int64_t end, double sum);

void require_tasks(const AccuracyMatrix& m, int64_t fewest);  // Dash when the run has fewer tasks, or is joint

template <class Formula>
Result guarded(Formula formula) {
  try {
    return {formula(), {}};
  } catch (const Dash& dash) {
    return {std::nullopt, dash.reason};
  }
}

}  // namespace clb::metrics
