// A mean over what was drawn independently, and how far another draw would move it: Student's t over units (class orders, or seeds), and
// the model of units crossed with test images. docs/statistics.md has the formulas, their sources and what simulation says of them.
#pragma once

#include <clb/stats/interval.hpp>
#include <cstddef>
#include <span>
#include <vector>

namespace clb::stats {

// One number for each unit and test image (or block of images); the mean over all is the value of a metric.
struct Crossed {
  size_t units = 0, images = 0;
  std::vector<float> values;  // unit after unit
  std::span<const float> unit(size_t u) const { return std::span(values).subspan(u * images, images); }
};

struct Part {  // of the variance of a mean; 0: it has no such part
  double variance = 0, df = 1;
};

struct Uncertain {
  double mean = 0;
  Part units;   // other units on these images
  Part images;  // other images
  double variance() const { return units.variance + images.variance; }
  double df() const;  // of Student's t around the mean
};

// Student's t over at least 2 units (std::invalid_argument).
Uncertain over_units(std::span<const double> values);

// Two-way random effects, y = mu + unit + image + rest, in mean squares MS: the variance of the mean is MS_units / (n m) with n - 1 degrees
// of freedom and (MS_images - MS_rest) / (n m), at least 0, with m - 1. Of one unit: over its images alone. At least 1 unit and 2 images.
Uncertain over_units_and_images(const Crossed& values);
Uncertain difference(const Crossed& a, const Crossed& b);  // a - b; of the same units and images, row by row

Interval interval(const Uncertain& value, double level);
double p_value(const Uncertain& value);                 // two-sided, of mean 0; without any variance 1 where the mean is 0, else 0
double probability_above_zero(const Uncertain& value);  // of the true mean, by the same t distribution: one half where nothing is known

// Is the mean other than 0, at a level that may be far out (many comparisons)? Each part keeps its own quantile: mean^2 > sum of t(part)^2
// variance(part). This never errs more often than alpha for normal parts (Banerjee, Sankhya 23, 1961), where one t distribution with
// estimated degrees of freedom errs far out. careful_p is the smallest alpha at which it would be told.
bool told_from_zero(const Uncertain& value, double alpha);
double careful_p(const Uncertain& value);

}  // namespace clb::stats
