// What was drawn independently among the runs of a row, or among pairs of runs of two rows.
#pragma once

#include <clb/stats/uncertain.hpp>
#include <cstdint>
#include <span>
#include <vector>

namespace clb::stats {

struct DrawnRun {
  int64_t seed = 0, order = 0;  // order: of classes or domains
  int64_t result = 0;           // runs that computed the same have the same number
};

// With several orders an order is a unit: its value is the mean over its runs. With one order a run is a unit. Runs with the same order and
// result are one run.
struct Units {
  std::vector<std::vector<size_t>> members;  // of each unit: places in the list of runs, one for each distinct result
  size_t runs = 0;
  size_t orders = 0;
  size_t distinct = 0;  // results, each order for itself
  bool of_orders() const { return orders > 1; }
};
Units units_of(std::span<const DrawnRun> runs);

// The mean of each unit; one value, or one list of images, for each run.
std::vector<double> unit_means(const Units& units, std::span<const double> values);
Crossed unit_images(const Units& units, std::span<const std::vector<float>> images);

}  // namespace clb::stats
