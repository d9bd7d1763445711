// Intervals that hold both for other seeds and for other test images of the same kind: the bootstrap of stats/bootstrap.hpp over the counts
// that a resample of images gives. Class-incremental runs only: there a sample's class tells its group.
#include <algorithm>
#include <array>
#include <clb/stats/bootstrap.hpp>
#include <cmath>

#include "model.hpp"

namespace clb::report {
namespace {

constexpr size_t kEnoughRuns = 3;

// Metrics that are computed from n and correct of the groups that were seen.
bool from_counts(const metrics::Metric& metric) {
  constexpr std::array kIds{
      "acc.last.sample", "acc.mean.sample", "acc.last.task", "acc.mean.task", "forget.max_all", "forget.max_prev", "bwt"};
  return std::ranges::find(kIds, std::string_view(metric.id)) != kIds.end();
}

// A column of columns.cpp: accuracy after a task.
bool is_stage(const metrics::Metric& metric) { return std::string_view(metric.id).starts_with(kStage); }

// The evaluated images of a run, group after group, and which of them were right after each task.
struct Images {
  std::vector<size_t> ends;                 // of the groups
  std::vector<std::vector<uint8_t>> right;  // [task][image of the groups 0..task]
};

std::optional<Images> images_of(const store::Store& store, const RunResult& result, std::vector<int64_t>& order) {
  const int64_t attempt = result.run.attempt_id;
  const auto classes = store.classes(attempt);
  const std::vector<int64_t> labels = store.targets(attempt).labels;
  std::map<int64_t, size_t> group_of;
  for (size_t g = 0; g < classes.size(); ++g)
    for (const int64_t c : classes[g])
      if (!group_of.emplace(c, g).second) return std::nullopt;  // tasks share their classes
  std::vector<std::vector<int64_t>> predictions;
  for (size_t t = 0; t < classes.size(); ++t) predictions.push_back(store.prediction(attempt, static_cast<int64_t>(t)));

  std::vector<std::vector<int64_t>> groups(classes.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto group = group_of.find(labels[i]);
    if (group != group_of.end() && predictions.back().size() == labels.size() && predictions.back()[i] >= 0)
      groups[group->second].push_back(static_cast<int64_t>(i));
  }
  Images images;
  std::vector<int64_t> mine;
  for (const auto& group : groups) {
    mine.insert(mine.end(), group.begin(), group.end());
    images.ends.push_back(mine.size());
  }
  // Runs share their images when they share the class order; another order has other groups, and no image stands for the same one.
  if (order.empty()) order = mine;
  if (order != mine || mine.empty()) return std::nullopt;
  for (size_t t = 0; t < classes.size(); ++t) {
    std::vector<uint8_t> right(images.ends[t]);
    for (size_t k = 0; k < right.size(); ++k) {
      const auto i = static_cast<size_t>(mine[k]);
      right[k] = predictions[t][i] == labels[i];
    }
    images.right.push_back(std::move(right));
  }
  return images;
}

// What the counts were, had image i been drawn counts[i] times.
metrics::AccuracyMatrix matrix_of(const Images& images, std::span<const uint32_t> counts) {
  const size_t tasks = images.right.size();
  metrics::AccuracyMatrix matrix(static_cast<int64_t>(tasks), false);
  for (size_t t = 0; t < tasks; ++t) {
    for (size_t g = 0, begin = 0; g <= t; begin = images.ends[g++]) {
      uint32_t n = 0, correct = 0;
      for (size_t k = begin; k < images.ends[g]; ++k) {
        n += counts[k];
        correct += counts[k] * images.right[t][k];
      }
      matrix.add(static_cast<int64_t>(t), {.group = static_cast<int64_t>(g), .n = n, .correct = correct});
    }
  }
  return matrix;
}

}  // namespace

void bootstrap_cells(TableRow& row, const std::vector<const metrics::Metric*>& metrics, const store::Store& store,
                     const std::set<int64_t>& with_predictions) {
  if (text_at(row.spec, "/protocol/kind") != "class" || text_at(row.spec, "/protocol/joint") == "true") return;
  std::vector<size_t> wanted;
  for (size_t i = 0; i < metrics.size(); ++i)
    if ((from_counts(*metrics[i]) || is_stage(*metrics[i])) && row.cells[i].summary && row.cells[i].summary->spread == "t95")
      wanted.push_back(i);
  if (wanted.empty()) return;
  std::vector<Images> runs;
  std::vector<int64_t> order;
  for (const RunResult& result : row.runs) {
    if (!result.ok()) continue;
    if (!with_predictions.contains(result.run.attempt_id)) return;
    auto images = images_of(store, result, order);
    if (!images) return;
    runs.push_back(std::move(*images));
  }
  if (runs.size() < kEnoughRuns) return;
  const auto intervals = stats::bootstrap_runs_images(
      runs.size(), order.size(), 0.95, wanted.size(), [&](size_t run, std::span<const uint32_t> counts, std::span<double> values) {
        const metrics::Run resampled{.matrix = matrix_of(runs[run], counts)};
        for (size_t s = 0; s < wanted.size(); ++s) {
          const metrics::Metric& metric = *metrics[wanted[s]];
          const metrics::Result result =
              is_stage(metric) ? metrics::accuracy_after(resampled.matrix, static_cast<int64_t>(wanted[s])) : metric.compute(resampled);
          values[s] = result.value.value_or(std::nan(""));
        }
      });
  for (size_t s = 0; s < wanted.size(); ++s) {
    if (std::isnan(intervals[s].low)) continue;
    stats::Summary& summary = *row.cells[wanted[s]].summary;
    summary.low = intervals[s].low;
    summary.high = intervals[s].high;
    summary.spread = "bootstrap95";
  }
}

}  // namespace clb::report
