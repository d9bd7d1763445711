#include <algorithm>
#include <clb/stats/bootstrap.hpp>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "draws.hpp"

namespace clb::stats {

double quantile(std::vector<double> values, double q) {
  if (values.empty()) throw std::invalid_argument("no quantile of nothing");
  std::sort(values.begin(), values.end());
  const double position = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (position - static_cast<double>(below)) * (values[above] - values[below]);
}

Interval percentile_interval(const std::vector<double>& resampled, double level) {
  return {quantile(resampled, (1 - level) / 2), quantile(resampled, (1 + level) / 2)};
}

std::vector<Interval> bootstrap_runs_images(size_t runs, size_t images, double level, size_t statistics, const ImageStatistics& compute) {
  if (runs == 0 || images == 0) throw std::invalid_argument("a bootstrap needs a run and an image");
  Draws draws;
  std::vector<std::vector<double>> means(statistics);
  std::vector<uint32_t> image_counts(images);
  std::vector<size_t> run_counts(runs);
  std::vector<double> values(statistics), sums(statistics);
  for (size_t resample = 0; resample < kResamples; ++resample) {
    std::fill(image_counts.begin(), image_counts.end(), 0u);
    std::fill(run_counts.begin(), run_counts.end(), size_t{0});
    std::fill(sums.begin(), sums.end(), 0.0);
    for (size_t i = 0; i < images; ++i) ++image_counts[draws.below(images)];
    for (size_t r = 0; r < runs; ++r) ++run_counts[draws.below(runs)];
    for (size_t r = 0; r < runs; ++r) {
      if (run_counts[r] == 0) continue;
      compute(r, image_counts, values);
      for (size_t s = 0; s < statistics; ++s) sums[s] += static_cast<double>(run_counts[r]) * values[s];
    }
    for (size_t s = 0; s < statistics; ++s)
      if (!std::isnan(sums[s])) means[s].push_back(sums[s] / static_cast<double>(runs));
  }
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::vector<Interval> intervals;
  for (const std::vector<double>& resampled : means)
    intervals.push_back(resampled.empty() ? Interval{kNone, kNone} : percentile_interval(resampled, level));
  return intervals;
}

double counted_accuracy(std::span<const uint8_t> right, std::span<const uint32_t> image_counts) {
  uint64_t hits = 0, n = 0;
  for (size_t i = 0; i < right.size(); ++i) {
    hits += right[i] == 1 ? image_counts[i] : 0;
    n += right[i] != kNotEvaluated ? image_counts[i] : 0;
  }
  return n == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(hits) / static_cast<double>(n);
}

}  // namespace clb::stats
