// Formulas against matrices worked out by hand. Groups have 10, 20 and 70 samples, so that weighting by samples and by tasks differ.
#include <clb/base/error.hpp>
#include <clb/metrics/metric.hpp>

#include "results_fixture.hpp"

namespace clb::results_test {
namespace {

using metrics::AccuracyMatrix;
using stream::StreamShape;

void add(AccuracyMatrix& m, int64_t task, int64_t group, int64_t n, int64_t correct, int64_t within = 0) {
  m.add(task, {group, n, correct, n, within, 0.0});
}

// a = 0.8
//     0.6  0.9
//     0.7  0.5  0.3
AccuracyMatrix three_tasks() {
  AccuracyMatrix m(StreamShape::of_parts(3));
  add(m, 0, 0, 10, 8, 8);
  add(m, 1, 0, 10, 6, 8);
  add(m, 1, 1, 20, 18, 19);
  add(m, 2, 0, 10, 7, 9);
  add(m, 2, 1, 20, 10, 16);
  add(m, 2, 2, 70, 21, 70);
  return m;
}

double value(const AccuracyMatrix& m, const char* id) {
  const metrics::Result result = metrics::find(id).compute({.matrix = m});
  EXPECT_TRUE(result.value) << id << ": " << result.dash;
  return result.value.value_or(-1e9);
}

std::string dash(const AccuracyMatrix& m, const char* id) {
  const metrics::Result result = metrics::find(id).compute({.matrix = m});
  EXPECT_FALSE(result.value) << id;
  return result.dash;
}

TEST(Metrics, accuracies_weighted_by_samples) {
  EXPECT_DOUBLE_EQ(value(three_tasks(), "acc.last.sample"), 38.0 / 100);
  EXPECT_DOUBLE_EQ(value(three_tasks(), "acc.mean.sample"), (8.0 / 10 + 24.0 / 30 + 38.0 / 100) / 3);
}

TEST(Metrics, accuracies_weighted_by_tasks) {
  EXPECT_DOUBLE_EQ(value(three_tasks(), "acc.last.task"), (0.7 + 0.5 + 0.3) / 3);
  EXPECT_DOUBLE_EQ(value(three_tasks(), "acc.mean.task"), (0.8 + (0.6 + 0.9) / 2 + (0.7 + 0.5 + 0.3) / 3) / 3);
}

TEST(Metrics, within_task_is_weighted_by_samples_at_the_end) { EXPECT_DOUBLE_EQ(value(three_tasks(), "acc.within_task"), 95.0 / 100); }

TEST(Metrics, forgetting_takes_the_best_stage) {
  // group 0: best 0.8, end 0.7; group 1: best 0.9, end 0.5
  EXPECT_NEAR(value(three_tasks(), "forget.max_prev"), (0.1 + 0.4) / 2, 1e-15);
  EXPECT_NEAR(value(three_tasks(), "forget.max_all"), (0.1 + 0.4) / 2, 1e-15);
  EXPECT_NEAR(value(three_tasks(), "bwt"), ((0.7 - 0.8) + (0.5 - 0.9)) / 2, 1e-15);
}

TEST(Metrics, forgetting_variants_differ_when_an_old_group_gains) {
  AccuracyMatrix m(StreamShape::of_parts(2));
  add(m, 0, 0, 10, 5);
  add(m, 1, 0, 10, 9);
  add(m, 1, 1, 10, 5);
  EXPECT_NEAR(value(m, "forget.max_prev"), -0.4, 1e-15);
  EXPECT_NEAR(value(m, "forget.max_all"), 0.0, 1e-15);
  EXPECT_NEAR(value(m, "bwt"), 0.4, 1e-15);
}

TEST(Metrics, the_peak_may_lie_between_first_and_last) {
  AccuracyMatrix m = three_tasks();
  add(m, 1, 0, 10, 10);
  EXPECT_NEAR(value(m, "forget.max_prev"), (0.3 + 0.4) / 2, 1e-15);
  EXPECT_NEAR(value(m, "bwt"), (-0.1 - 0.4) / 2, 1e-15);
}

TEST(Metrics, forward_metrics_are_dashes_with_a_reason_until_unseen_groups_were_evaluated) {
  AccuracyMatrix m = three_tasks();
  EXPECT_EQ(dash(m, "fwt"), "unseen tasks were not evaluated");
  for (const char* id : {"transfer", "acc.mean.all", "acc.unseen"}) EXPECT_EQ(dash(m, id), "unseen tasks were not evaluated") << id;
  add(m, 0, 1, 20, 4);   // 0.2
  add(m, 0, 2, 70, 7);   // 0.1
  add(m, 1, 2, 70, 21);  // 0.3
  EXPECT_NEAR(value(m, "transfer"), (0.2 + (0.1 + 0.3) / 2) / 2, 1e-15);
  EXPECT_NEAR(value(m, "acc.unseen"), ((4.0 + 7) / (20 + 70) + 21.0 / 70) / 2, 1e-15);
  double all = 0.2 + 0.1 + 0.3;
  for (const auto& [t, group] : {std::pair(0, 0), std::pair(1, 0), std::pair(1, 1), std::pair(2, 0), std::pair(2, 1), std::pair(2, 2)})
    all += *m.accuracy(t, group);
  EXPECT_NEAR(value(m, "acc.mean.all"), all / 9, 1e-15);
  EXPECT_EQ(dash(m, "fwt"), "the untrained method was not evaluated");
  add(m, -1, 1, 20, 2);  // 0.1
  add(m, -1, 2, 70, 7);  // 0.1
  EXPECT_NEAR(value(m, "fwt"), ((0.2 - 0.1) + (0.3 - 0.1)) / 2, 1e-15);
  EXPECT_DOUBLE_EQ(value(m, "acc.mean.sample"), (8.0 / 10 + 24.0 / 30 + 38.0 / 100) / 3) << "unseen groups do not count";
}

TEST(Metrics, a_joint_run_has_a_last_accuracy_over_all_groups_and_nothing_else) {
  AccuracyMatrix m(StreamShape::of_parts(3, true));
  add(m, 0, 0, 10, 8, 9);
  add(m, 0, 1, 20, 10, 15);
  add(m, 0, 2, 70, 63, 70);
  EXPECT_DOUBLE_EQ(value(m, "acc.last.sample"), 81.0 / 100);
  EXPECT_DOUBLE_EQ(value(m, "acc.last.task"), (0.8 + 0.5 + 0.9) / 3);
  EXPECT_DOUBLE_EQ(value(m, "acc.within_task"), 94.0 / 100);
  for (const char* id :
       {"acc.mean.sample", "acc.mean.task", "forget.max_all", "forget.max_prev", "bwt", "fwt", "transfer", "acc.mean.all", "acc.unseen"})
    EXPECT_EQ(dash(m, id), "a joint run has one stage") << id;
}

TEST(Metrics, one_task_cannot_be_forgotten) {
  AccuracyMatrix m(StreamShape::of_parts(1));
  add(m, 0, 0, 10, 8);
  EXPECT_DOUBLE_EQ(value(m, "acc.mean.sample"), 0.8);
  for (const char* id : {"forget.max_all", "forget.max_prev", "bwt", "transfer", "acc.unseen"})
    EXPECT_EQ(dash(m, id), "needs at least 2 tasks") << id;
  EXPECT_DOUBLE_EQ(value(m, "acc.mean.all"), 0.8);
}

TEST(Metrics, a_missing_group_is_a_dash_and_not_a_smaller_mean) {
  AccuracyMatrix m(StreamShape::of_parts(2));
  add(m, 0, 0, 10, 8);
  add(m, 1, 0, 10, 8);
  for (const char* id : {"acc.last.sample", "acc.mean.sample", "acc.last.task", "acc.mean.task", "acc.within_task"})
    EXPECT_EQ(dash(m, id), "group 2 was not evaluated after task 2") << id;
  add(m, 1, 1, 0, 0);
  EXPECT_EQ(dash(m, "acc.last.sample"), "group 2 was not evaluated after task 2") << "a group without samples";
}

TEST(Metrics, every_metric_has_version_formula_source_and_survives_an_empty_run) {
  EXPECT_EQ(metrics::registry().size(), 31u);
  for (const metrics::Metric& metric : metrics::registry()) {
    EXPECT_EQ(metric.version, 1) << metric.id;
    EXPECT_GT(std::string(metric.formula).size(), 10u) << metric.id;
    EXPECT_GT(std::string(metric.source).size(), 10u) << metric.id;
    for (bool joint : {false, true}) EXPECT_NE(dash(AccuracyMatrix(StreamShape::of_parts(3, joint)), metric.id), "") << metric.id;
    EXPECT_NE(dash(AccuracyMatrix(StreamShape::of_parts(0)), metric.id), "") << metric.id;
  }
}

TEST(Metrics, an_unknown_metric_names_those_that_there_are) {
  const std::string said = sentence([] { metrics::find("accuracy"); });
  EXPECT_NE(said.find("'accuracy'"), std::string::npos);
  EXPECT_NE(said.find("forget.max_prev"), std::string::npos);
}

}  // namespace
}  // namespace clb::results_test
