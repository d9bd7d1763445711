#include <clb/base/error.hpp>

#include "formulas.hpp"

namespace clb::metrics {
namespace {

constexpr auto kUp = Direction::kHigherIsBetter;
constexpr auto kDown = Direction::kLowerIsBetter;
constexpr const char* kFraction = "fraction";
constexpr const char* kSeconds = "s";
constexpr const char* kBytes = "bytes";
constexpr const char* kCount = "count";

constexpr const char* kChaudhry = "Chaudhry et al., Riemannian Walk, ECCV 2018: forgetting measure F";
constexpr const char* kByRunner = "recorded by the runner";
constexpr const char* kByLauncher = "recorded by the launcher";
constexpr const char* kGem = "Lopez-Paz and Ranzato, Gradient Episodic Memory, NeurIPS 2017: ACC, BWT and FWT";

template <Result (*formula)(const AccuracyMatrix&)>
Result counts(const Run& run) {
  return formula(run.matrix);
}

}  // namespace

double accuracy_at(const AccuracyMatrix& m, int64_t after_task, int64_t group) {
  const std::optional<double> accuracy = m.accuracy(after_task, group);
  if (!accuracy) throw Dash{"group " + std::to_string(group + 1) + " was not evaluated after task " + std::to_string(after_task + 1)};
  return *accuracy;
}

void require_tasks(const AccuracyMatrix& m, int64_t fewest) {
  if (m.joint()) throw Dash{"a joint run has one stage"};
  if (m.one_group() && fewest > 1) throw Dash{"the fixed test set is one group"};
  if (m.tasks() < fewest) throw Dash{"needs at least " + std::to_string(fewest) + (fewest == 1 ? " task" : " tasks")};
}

const std::vector<Metric>& registry() {
  static const std::vector<Metric> metrics{
      {"acc.last.sample", 1, "sum_j correct[T-1][j] / sum_j n[j], j over all groups seen",
       "Rebuffi et al., iCaRL, CVPR 2017: accuracy over all classes seen", kFraction, kUp, counts<acc_last_sample>,
       acc_last_sample_weights},
      {"acc.mean.sample", 1, "mean over t of sum_j correct[t][j] / sum_j n[j], j over the groups seen after t",
       "Rebuffi et al., iCaRL, CVPR 2017: average incremental accuracy", kFraction, kUp, counts<acc_mean_sample>, acc_mean_sample_weights},
      {"acc.last.task", 1, "mean over groups j of a[T-1][j]", kGem, kFraction, kUp, counts<acc_last_task>, acc_last_task_weights},
      {"acc.mean.task", 1, "mean over t of the mean over groups j seen after t of a[t][j]",
       "Wang et al., HiDe-Prompt, NeurIPS 2023: cumulative average accuracy", kFraction, kUp, counts<acc_mean_task>, acc_mean_task_weights},
      {"acc.within_task", 1, "sum_j correct_within[T-1][j] / sum_j n[j]: argmax among the classes of the sample's own group",
       "van de Ven et al., Three types of incremental learning, Nature Machine Intelligence 2022: the task is given", kFraction, kUp,
       counts<acc_within_task>},
      {"forget.max_all", 1, "mean over j < T-1 of max_{t=j..T-1} a[t][j] - a[T-1][j]; never negative",
       "PILOT (Sun et al., 2023), as coded: the maximum includes the last stage", kFraction, kDown, counts<forget_max_all>},
      {"forget.max_prev", 1, "mean over j < T-1 of max_{t=j..T-2} a[t][j] - a[T-1][j]; negative when old groups gain", kChaudhry, kFraction,
       kDown, counts<forget_max_prev>},
      {"bwt", 1, "mean over j < T-1 of a[T-1][j] - a[j][j]", kGem, kFraction, kUp, counts<bwt>, bwt_weights},
      {"fwt", 1, "mean over j >= 1 of a[j-1][j] - a[-1][j], a[-1] before any training", kGem, kFraction, kUp, counts<fwt>},
      {"transfer", 1, "mean over j >= 1 of the mean over t < j of a[t][j]", "Zheng et al., ZSCL, ICCV 2023: Transfer", kFraction, kUp,
       counts<transfer>, transfer_weights},
      {"acc.mean.all", 1, "mean over t of the mean over all groups j of a[t][j], groups to come included",
       "Zheng et al., ZSCL, ICCV 2023: Avg.", kFraction, kUp, counts<acc_mean_all>, acc_mean_all_weights},
      {"acc.unseen", 1, "mean over t < T-1 of sum_j correct[t][j] / sum_j n[j], j over the groups to come after t: zero-shot accuracy kept",
       "ours: average incremental accuracy (Rebuffi et al., iCaRL, CVPR 2017) of the groups to come in place of those seen", kFraction, kUp,
       counts<acc_unseen>, acc_unseen_weights},
      {"acc.task_id", 1, "share of the samples of all groups seen whose predicted class belongs to their own task, after the last task",
       "Kim et al., A Theoretical Study on Solving Continual Learning, NeurIPS 2022: task-id prediction", kFraction, kUp,
       task_identification},
      {"time.total", 1, "sum of all spans, and what cached features cost when they were computed", kByRunner, kSeconds, kDown, time_total,
       nullptr, true},
      {"time.train", 1, "sum of the spans create, begin_task, train_task, end_task", kByRunner, kSeconds, kDown, time_train},
      {"time.features", 1, "sum of the spans features, and what cached features cost", kByRunner, kSeconds, kDown, time_features, nullptr,
       true},
      {"time.evaluate", 1, "sum of the spans evaluate", kByRunner, kSeconds, kDown, time_evaluate},
      {"time.waited", 1, "share of the run's own time in which it waited for images that loader threads had not made yet", kByRunner,
       kFraction, kDown, time_waited},
      {"time.processor", 1, "user and system time of the runner, all its threads together", kByLauncher, kSeconds, kDown, time_processor},
      {"load.others", 1, "share of the processors' time that other processes took while the run was on", kByLauncher, kFraction, kDown,
       load_others},
      {"memory.host", 1, "largest resident memory of the runner", kByRunner, kBytes, kDown, memory_host},
      {"memory.host.train", 1, "largest resident memory within train_task", kByRunner, kBytes, kDown, memory_host_train},
      {"memory.host.features", 1, "largest resident memory while features were computed", kByRunner, kBytes, kDown, memory_host_features},
      {"memory.host.evaluate", 1, "largest resident memory within evaluate", kByRunner, kBytes, kDown, memory_host_evaluate},
      {"memory.device", 1, "most bytes of device memory allocated at once", kByRunner, kBytes, kDown, memory_device},
      {"state.total", 1, "bytes of the method's saved state after the last task, and of the exemplars that the host keeps for it",
       kByRunner, kBytes, kDown, state_total},
      {"state.parameters", 1, "of the saved state: tensors of modules", kByRunner, kBytes, kDown, state_parameters},
      {"state.statistics", 1, "of the saved state: everything else", kByRunner, kBytes, kDown, state_statistics},
      {"state.exemplars", 1, "bytes of the exemplars that the host keeps for the method", kByRunner, kBytes, kDown, state_exemplars},
      {"params.trained", 1, "most numbers that gradients moved in one task", kByRunner, kCount, kDown, trainable_parameters},
      {"updates", 1, "optimiser steps of the main fits of all tasks", kByRunner, kCount, kDown, updates},
  };
  return metrics;
}

const Metric& find(std::string_view id) {
  std::string known;
  for (const Metric& metric : registry()) {
    if (id == metric.id) return metric;
    known += (known.empty() ? "" : ", ") + std::string(metric.id);
  }
  throw base::Error("there is no metric '" + std::string(id) + "'; known: " + known);
}

}  // namespace clb::metrics
