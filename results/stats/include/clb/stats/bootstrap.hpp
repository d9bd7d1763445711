// Percentile bootstrap intervals (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13) with a fixed seed: the same
// data give the same interval on every machine.
#pragma once

#include <clb/stats/interval.hpp>
#include <cstddef>
#include <vector>

namespace clb::stats {

inline constexpr size_t kResamples = 1000;

// Quantile q in [0, 1] between the neighbouring order statistics (Hyndman and Fan's type 7); at least one value.
double quantile(std::vector<double> values, double q);

// The middle `level` of resampled statistics.
Interval percentile_interval(const std::vector<double>& resampled, double level);

}  // namespace clb::stats
