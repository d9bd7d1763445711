#include <algorithm>
#include <clb/metrics/image_values.hpp>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

namespace clb::metrics {
namespace {

using store::Outcome;

constexpr int32_t kNone = -1;

// Shuffled with one fixed seed and no std distribution, whose draws differ between libraries.
std::vector<uint32_t> blocks_of(size_t images, size_t blocks) {
  std::vector<uint32_t> order(images);
  std::iota(order.begin(), order.end(), 0U);
  if (images > blocks) {
    std::mt19937_64 random(20250101);
    for (size_t i = images; i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  }
  std::vector<uint32_t> block(images);
  for (size_t i = 0; i < images; ++i) block[order[i]] = static_cast<uint32_t>(i % blocks);
  return block;
}

}  // namespace

ImageValues::ImageValues(const store::Store& store, int64_t attempt, const AccuracyMatrix& matrix)
    : pooled_(matrix.joint()), outcomes_(store.outcomes(attempt)) {
  if (outcomes_.empty() || outcomes_.front().empty()) {
    missing_ = "no predictions are stored";
    return;
  }
  missing_ = "its predictions are not those of its counts";
  const size_t images = outcomes_.front().size();
  const bool alike = std::ranges::all_of(outcomes_, [&](const auto& task) { return task.size() == images; });
  if (!alike || static_cast<int64_t>(outcomes_.size()) != matrix.tasks()) return;
  group_by_first();
  if (!fits(matrix) && !(group_by_class(store, attempt) && fits(matrix))) return;
  missing_.clear();
  blocks_ = std::min(images, kMostBlocks);
  block_ = blocks_of(images, blocks_);
}

void ImageValues::group_by_first() {
  group_.assign(outcomes_.front().size(), kNone);
  for (size_t t = outcomes_.size(); t-- > 0;)
    for (size_t i = 0; i < group_.size(); ++i)
      if (outcomes_[t][i] != Outcome::kNotEvaluated) group_[i] = static_cast<int32_t>(t);
}

bool ImageValues::group_by_class(const store::Store& store, int64_t attempt) {
  std::map<int64_t, int32_t> groups;
  const std::vector<std::vector<int64_t>> classes = store.classes(attempt);
  for (size_t g = 0; g < classes.size(); ++g)
    for (const int64_t c : classes[g])
      if (!groups.emplace(c, static_cast<int32_t>(g)).second) return false;  // tasks share their classes
  const std::vector<int64_t> labels = store.targets(attempt).labels;
  if (labels.size() != group_.size()) return false;
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto found = groups.find(labels[i]);
    group_[i] = group_[i] == kNone || found == groups.end() ? kNone : found->second;
  }
  return true;
}

bool ImageValues::fits(const AccuracyMatrix& matrix) {
  stages_.clear();
  samples_.clear();
  const size_t groups = outcomes_.size();
  for (size_t t = 0; t < outcomes_.size(); ++t) {
    Stage& stage = stages_.emplace_back(Stage{std::vector<double>(groups, 0.0), std::vector<double>(groups, 0.0)});
    for (size_t i = 0; i < group_.size(); ++i) {
      if (group_[i] == kNone || outcomes_[t][i] == Outcome::kNotEvaluated) continue;
      stage.n[static_cast<size_t>(group_[i])] += 1;
      stage.correct[static_cast<size_t>(group_[i])] += outcomes_[t][i] == Outcome::kRight;
    }
    double n = 0, correct = 0;  // in all, of the counts
    for (int64_t g = 0; g < matrix.groups(); ++g) {
      const base::EvalCount* count = matrix.find(static_cast<int64_t>(t), g);
      n += count ? static_cast<double>(count->n) : 0;
      correct += count ? static_cast<double>(count->correct) : 0;
      if (pooled_) {
        samples_.push_back(count ? static_cast<double>(count->n) : 0);
        continue;
      }
      const auto group = static_cast<size_t>(g);
      const bool known = group < groups;
      if ((count ? static_cast<double>(count->n) : 0) != (known ? stage.n[group] : 0)) return false;
      if (count && static_cast<double>(count->correct) != stage.correct[group]) return false;
    }
    if (pooled_ && (n != stage.n[0] || correct != stage.correct[0])) return false;
  }
  return true;
}

// Do groups that are not told apart count by their samples?
bool ImageValues::by_samples(const std::vector<Weight>& weights) const {
  return std::ranges::all_of(weights, [&](const Weight& one) {
    return std::abs(one.weight - samples_.at(static_cast<size_t>(one.group)) / stages_[0].n[0]) < 1e-9;
  });
}

std::vector<float> ImageValues::of(const std::vector<Weight>& weights, double metric) const {
  if (!missing_.empty() || (pooled_ && !by_samples(weights))) return {};
  std::vector<std::vector<double>> weight(stages_.size(), std::vector<double>(stages_.size(), 0.0));
  for (const Weight& one : weights) {
    if (one.after_task < 0 || static_cast<size_t>(one.after_task) >= stages_.size()) return {};
    if (!pooled_ && static_cast<size_t>(one.group) >= stages_.size()) return {};
    weight[static_cast<size_t>(one.after_task)][pooled_ ? 0 : static_cast<size_t>(one.group)] += one.weight;
  }
  std::vector<double> sums(blocks_, 0.0);
  std::vector<double> right(stages_.size()), wrong(stages_.size());  // what an image of a group adds
  for (size_t t = 0; t < stages_.size(); ++t) {
    bool any = false;
    for (size_t g = 0; g < stages_.size(); ++g) {
      const double n = stages_[t].n[g], share = n == 0 ? 0 : weight[t][g] / n, accuracy = n == 0 ? 0 : stages_[t].correct[g] / n;
      right[g] = share * (1 - accuracy);
      wrong[g] = -share * accuracy;
      any = any || share != 0;
    }
    if (!any) continue;
    for (size_t i = 0; i < group_.size(); ++i) {
      if (group_[i] == kNone || outcomes_[t][i] == Outcome::kNotEvaluated) continue;
      sums[block_[i]] += (outcomes_[t][i] == Outcome::kRight ? right : wrong)[static_cast<size_t>(group_[i])];
    }
  }
  std::vector<float> values;
  values.reserve(blocks_);
  for (const double sum : sums) values.push_back(static_cast<float>(metric + static_cast<double>(blocks_) * sum));
  return values;
}

}  // namespace clb::metrics
