// What each test image adds to a metric that is a sum of accuracies (Metric::weights).
#pragma once

#include <clb/metrics/metric.hpp>
#include <clb/store/store.hpp>
#include <cstdint>
#include <vector>

namespace clb::metrics {

// Of one run. An image i of group j has the value
//
//   metric + sum over t of weight[t][j] m / n[j] (right[t][i] - a[t][j]),    m images in all,
//
// so that the mean over images is the metric, and what one image more or less would change is what it differs by. The numbers of samples of
// the groups are taken as given, as they are in a test set. Images are put at random, the same for all runs, into at most kMostBlocks
// blocks, whose values are the means of their images': enough to tell how far images vary, and few enough for every pair of rows.
class ImageValues {
 public:
  static constexpr size_t kMostBlocks = 500;

  // Which group an image is of is seen from the task after which it is evaluated first, with unseen groups from its class.
  ImageValues(const store::Store& store, int64_t attempt, const AccuracyMatrix& matrix);

  // Why there are none: "no predictions are stored", "its predictions are not those of its counts". "" when there are.
  const std::string& missing() const { return missing_; }

  // One for each block. Empty where there are none, or where a joint run's groups have weights of their own.
  std::vector<float> of(const std::vector<Weight>& weights, double metric) const;

 private:
  struct Stage {
    std::vector<double> n, correct;  // of each group
  };
  bool fits(const AccuracyMatrix& matrix);  // do the outcomes give its counts? Fills stages_.
  bool by_samples(const std::vector<Weight>& weights) const;
  void group_by_first();
  bool group_by_class(const store::Store& store, int64_t attempt);

  std::string missing_;
  bool pooled_ = false;            // joint: which group an image is of is not known, and all are one
  std::vector<double> samples_{};  // then: of each of its groups
  std::vector<std::vector<store::Outcome>> outcomes_;
  std::vector<int32_t> group_;  // of each image of the split; -1: never evaluated
  std::vector<Stage> stages_;
  std::vector<uint32_t> block_;  // of each image
  size_t blocks_ = 0;
};

}  // namespace clb::metrics
