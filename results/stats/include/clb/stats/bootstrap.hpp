// Percentile bootstrap intervals (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13) with a fixed seed: the same
// data give the same interval on every machine.
#pragma once

#include <clb/stats/interval.hpp>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace clb::stats {

inline constexpr size_t kResamples = 1000;

// Quantile q in [0, 1] between the neighbouring order statistics (Hyndman and Fan's type 7); at least one value.
double quantile(std::vector<double> values, double q);

// The middle `level` of resampled statistics.
Interval percentile_interval(const std::vector<double>& resampled, double level);

// Writes statistics of a run into `values` when test image i counts image_counts[i] times; for a comparison, differences of two runs'.
using ImageStatistics = std::function<void(size_t run, std::span<const uint32_t> image_counts, std::span<double> values)>;

// Interval of the mean over runs of each of `statistics` statistics, when both the runs (seeds) and the test images are draws from larger
// populations: each of kResamples resamples draws `runs` runs and, once for all of them, `images` images, with replacement (two crossed
// factors resampled independently: Owen, Ann. Appl. Stat. 1, 2007, the product-weight bootstrap). A resample is a list of counts; no image
// is copied. A statistic that is NaN in every resample has the interval [NaN, NaN].
std::vector<Interval> bootstrap_runs_images(size_t runs, size_t images, double level, size_t statistics, const ImageStatistics& compute);

// sum of counts over right images / sum of counts over evaluated images. right: 1 or 0 for each image, kNotEvaluated for one that the run
// never saw. NaN when the resample holds no evaluated image.
inline constexpr uint8_t kNotEvaluated = 2;
double counted_accuracy(std::span<const uint8_t> right, std::span<const uint32_t> image_counts);

}  // namespace clb::stats
