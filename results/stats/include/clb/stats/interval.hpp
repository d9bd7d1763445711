// Mean and spread of a few runs.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace clb::stats {

inline constexpr double kLevel = 0.95;  // of every interval that is reported

double mean(std::span<const double> values);  // of at least one value

// How far repeated runs lie apart: the 95 % interval of their mean from three values on, below that just the extremes.
struct Summary {
  int64_t n = 0;
  double mean = 0;
  double low = 0, high = 0;
  std::string spread;  // "t95" | "min-max"
};

// Two-sided Student interval mean -+ t(1 - (1 - level) / 2, n - 1) * s / sqrt(n), s with n - 1 in the denominator. Needs at least 2 values
// (std::invalid_argument); the values are taken as draws from one normal distribution.
struct Interval {
  double low = 0, high = 0;
};
Interval t_interval(std::span<const double> values, double level);

Summary summarise(std::span<const double> values);  // at least one value

}  // namespace clb::stats
