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

// Images are numbered as the runs of a row share them, also when their class orders differ.
using Numbers = std::map<int64_t, size_t>;  // of the image with this index in the evaluated split

// The evaluated images of a run, group after group, and which of them were right after each task.
struct Images {
  std::vector<size_t> number;
  std::vector<size_t> ends;                 // of the groups
  std::vector<std::vector<uint8_t>> right;  // [task][image of the groups 0..task]
};

std::optional<Images> images_of(const store::Store& store, const RunResult& result, Numbers& numbers) {
  const int64_t attempt = result.run.attempt_id;
  const auto classes = store.classes(attempt);
  const std::vector<int64_t> labels = store.targets(attempt).labels;
  std::map<int64_t, size_t> group_of;
  for (size_t g = 0; g < classes.size(); ++g)
    for (const int64_t c : classes[g])
      if (!group_of.emplace(c, g).second) return std::nullopt;  // tasks share their classes
  std::vector<std::vector<int64_t>> predictions;
  for (size_t t = 0; t < classes.size(); ++t) predictions.push_back(store.prediction(attempt, static_cast<int64_t>(t)));
  if (std::ranges::any_of(predictions, [&](const auto& p) { return p.size() != labels.size(); })) return std::nullopt;

  std::vector<std::vector<size_t>> groups(classes.size());
  for (size_t i = 0; i < labels.size(); ++i)
    if (const auto group = group_of.find(labels[i]); group != group_of.end() && predictions.back()[i] >= 0)
      groups[group->second].push_back(i);
  Images images;
  std::vector<size_t> mine;
  for (const auto& group : groups) {
    mine.insert(mine.end(), group.begin(), group.end());
    images.ends.push_back(mine.size());
  }
  if (mine.empty()) return std::nullopt;
  for (const size_t i : mine) images.number.push_back(numbers.try_emplace(static_cast<int64_t>(i), numbers.size()).first->second);
  for (size_t t = 0; t < classes.size(); ++t) {
    std::vector<uint8_t> right(images.ends[t]);
    for (size_t k = 0; k < right.size(); ++k) right[k] = predictions[t][mine[k]] == labels[mine[k]];
    images.right.push_back(std::move(right));
  }
  return images;
}

// What the counts were, had the image of number i been drawn counts[i] times.
metrics::AccuracyMatrix matrix_of(const Images& images, std::span<const uint32_t> counts) {
  const size_t tasks = images.right.size();
  metrics::AccuracyMatrix matrix(stream::StreamShape::of_parts(static_cast<int64_t>(tasks)));
  for (size_t t = 0; t < tasks; ++t) {
    for (size_t g = 0, begin = 0; g <= t; begin = images.ends[g++]) {
      uint32_t n = 0, correct = 0;
      for (size_t k = begin; k < images.ends[g]; ++k) {
        n += counts[images.number[k]];
        correct += counts[images.number[k]] * images.right[t][k];
      }
      matrix.add(static_cast<int64_t>(t), {.group = static_cast<int64_t>(g), .n = n, .correct = correct});
    }
  }
  return matrix;
}

}  // namespace

void bootstrap_cells(TableRow& row, const std::vector<Column>& columns, const store::Store& store,
                     const std::set<int64_t>& with_predictions) {
  if (text_at(row.spec, "/protocol/kind") != "class" || text_at(row.spec, "/protocol/joint") == "true") return;
  if (flag_at(row.spec, "/protocol/eval_unseen")) return;  // the images of a stage are then not those of the groups seen
  std::vector<size_t> wanted;
  for (size_t i = 0; i < columns.size(); ++i)
    if (from_counts(*columns[i].metric) && row.cells[i].summary && row.cells[i].summary->spread == "t95") wanted.push_back(i);
  if (wanted.empty()) return;
  std::vector<Images> runs;
  Numbers numbers;
  for (const RunResult& result : row.runs) {
    if (!result.ok()) continue;
    if (!with_predictions.contains(result.run.attempt_id)) return;
    auto images = images_of(store, result, numbers);
    if (!images) return;
    runs.push_back(std::move(*images));
  }
  if (runs.size() < kEnoughRuns) return;
  const auto resampled = [&](size_t run, std::span<const uint32_t> counts, std::span<double> values) {
    const metrics::Run again{.matrix = matrix_of(runs[run], counts)};
    for (size_t s = 0; s < wanted.size(); ++s) {
      const Column& column = columns[wanted[s]];
      const metrics::Result result = column.task ? metrics::accuracy_after(again.matrix, *column.task) : column.metric->compute(again);
      values[s] = result.value.value_or(std::nan(""));
    }
  };
  const auto intervals = stats::bootstrap_runs_images(runs.size(), numbers.size(), stats::kLevel, wanted.size(), resampled);
  for (size_t s = 0; s < wanted.size(); ++s) {
    if (std::isnan(intervals[s].low)) continue;
    stats::Summary& summary = *row.cells[wanted[s]].summary;
    summary.low = intervals[s].low;
    summary.high = intervals[s].high;
    summary.spread = "bootstrap95";
  }
}

}  // namespace clb::report
