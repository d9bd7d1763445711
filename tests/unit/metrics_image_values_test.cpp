// What each image adds to a metric, on a stored run whose every answer is known.
#include <clb/metrics/image_values.hpp>
#include <clb/metrics/records.hpp>
#include <cmath>
#include <numeric>

#include "results_fixture.hpp"

namespace clb::results_test {
namespace {

using store::Store;

class ImageValuesTest : public ResultsTest {
 protected:
  static constexpr int64_t kImages = 900;  // of class i % 6; classes 2 g and 2 g + 1 are of group g

  static bool right(int64_t image, int64_t task) { return (image * image + 7 * task) % 11 < 6 - task; }

  // labels_first: as the runner sends them; else no outcomes are stored, as in files of before.
  int64_t add(Store& store, int64_t seed, bool labels_first, bool joint = false) const {
    base::RunSpec spec = sample_spec(seed);
    spec.protocol.joint = joint;
    const int64_t attempt = store.begin_attempt(spec, sample_start());
    base::Targets targets{"test", {}};
    for (int64_t i = 0; i < kImages; ++i) targets.labels.push_back(i % 6);
    if (labels_first) store.add_targets(attempt, targets);
    for (int64_t task = joint ? 2 : 0; task < 3; ++task) {
      base::TaskDone done;
      done.task = joint ? 0 : task;
      done.classes = {2 * task, 2 * task + 1};
      done.logit_hash = "x";
      for (int64_t g = 0; g <= task; ++g) done.evals.push_back({g, 0, 0, 0, 0, 0});
      for (int64_t i = 0; i < kImages; ++i) {
        const int64_t label = i % 6, group = label / 2;
        done.predictions.push_back(group > task ? -1 : right(i, task) ? label : (label + 1) % 6);
        if (group > task) continue;
        ++done.evals[static_cast<size_t>(group)].n;
        done.evals[static_cast<size_t>(group)].correct += right(i, task);
      }
      store.add_task(attempt, done);
    }
    if (!labels_first) store.add_targets(attempt, targets);
    store.add_status(attempt, {"ok", "", "", ""});
    return attempt;
  }
};

TEST_F(ImageValuesTest, outcomes_are_those_of_the_predictions_stored_or_not) {
  Store store = writer();
  const int64_t stored = add(store, 0, true), worked_out = add(store, 1, false);
  const auto outcomes = store.outcomes(stored);
  ASSERT_EQ(outcomes.size(), 3u);
  EXPECT_EQ(outcomes, store.outcomes(worked_out));
  for (int64_t task = 0; task < 3; ++task)
    for (int64_t i = 0; i < kImages; ++i) {
      const store::Outcome wanted = i % 6 / 2 > task ? store::Outcome::kNotEvaluated
                                    : right(i, task) ? store::Outcome::kRight
                                                     : store::Outcome::kWrong;
      ASSERT_EQ(outcomes[static_cast<size_t>(task)][static_cast<size_t>(i)], wanted) << task << " " << i;
    }
  const int64_t without_labels = store.begin_attempt(sample_spec(2), sample_start());
  store.add_task(without_labels, sample_task(0, {20}, {15}));
  EXPECT_TRUE(store.outcomes(without_labels).empty());
}

TEST_F(ImageValuesTest, their_mean_is_the_metric_and_weights_give_it) {
  Store store = writer();
  const int64_t attempt = add(store, 0, true);
  const metrics::AccuracyMatrix matrix = metrics::matrix_of(sample_spec().to_stored(), store.evals(attempt));
  const metrics::ImageValues values(store, attempt, matrix);
  ASSERT_EQ(values.missing(), "");
  size_t with_weights = 0;
  for (const metrics::Metric& metric : metrics::registry()) {
    const metrics::Result result = metric.compute({.matrix = matrix});
    if (!metric.weights || !result.value) continue;
    ++with_weights;
    const std::vector<metrics::Weight> weights = metric.weights(matrix);
    double sum = 0;
    for (const metrics::Weight& w : weights) sum += w.weight * *matrix.accuracy(w.after_task, w.group);
    EXPECT_NEAR(sum, *result.value, 1e-12) << metric.id;
    const std::vector<float> images = values.of(weights, *result.value);
    ASSERT_EQ(images.size(), metrics::ImageValues::kMostBlocks) << metric.id;
    EXPECT_NEAR(std::accumulate(images.begin(), images.end(), 0.0) / static_cast<double>(images.size()), *result.value, 1e-6) << metric.id;
  }
  EXPECT_EQ(with_weights, 5u) << "four accuracies and bwt";
}

// All images of all groups in one: what is left of a joint run.
TEST_F(ImageValuesTest, a_joint_run_has_them_for_what_counts_by_samples) {
  Store store = writer();
  const int64_t attempt = add(store, 0, true, true);
  base::RunSpec spec = sample_spec();
  spec.protocol.joint = true;
  const metrics::AccuracyMatrix matrix = metrics::matrix_of(spec.to_stored(), store.evals(attempt));
  const metrics::ImageValues values(store, attempt, matrix);
  ASSERT_EQ(values.missing(), "");
  const metrics::Metric& metric = metrics::find("acc.last.sample");
  EXPECT_FALSE(values.of(metric.weights(matrix), *metric.compute({.matrix = matrix}).value).empty());
  EXPECT_TRUE(values.of({{0, 0, 1.0}}, 0.5).empty()) << "weights of one group alone";
}

TEST_F(ImageValuesTest, predictions_of_other_counts_give_none) {
  Store store = writer();
  const int64_t attempt = add(store, 0, true);
  std::vector<store::EvalRow> evals = store.evals(attempt);
  evals.back().count.correct -= 1;
  const metrics::ImageValues values(store, attempt, metrics::matrix_of(sample_spec().to_stored(), evals));
  EXPECT_EQ(values.missing(), "its predictions are not those of its counts");
  EXPECT_TRUE(values.of({{2, 0, 1.0}}, 0.5).empty());
}

}  // namespace
}  // namespace clb::results_test
