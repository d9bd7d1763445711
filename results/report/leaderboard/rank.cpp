#include "rank.hpp"

#include <algorithm>
#include <cmath>

namespace clb::report {
namespace {

// Means of the same values in another order differ in their last digits.
double level(double value, bool higher_is_better) { return std::round((higher_is_better ? -value : value) * 1e9); }

}  // namespace

std::vector<std::optional<double>> places(const std::vector<std::optional<double>>& values, bool higher_is_better) {
  std::vector<double> sorted;
  for (const auto& value : values)
    if (value) sorted.push_back(level(*value, higher_is_better));
  std::ranges::sort(sorted);
  std::vector<std::optional<double>> result;
  for (const auto& value : values) {
    if (!value) {
      result.emplace_back();
      continue;
    }
    const double own = level(*value, higher_is_better);
    result.emplace_back(1 + static_cast<double>(std::ranges::lower_bound(sorted, own) - sorted.begin()));
  }
  return result;
}

std::string shade(std::optional<double> place, size_t of) {
  if (!place || of < 2) return "";
  const double behind = (*place - 1) / static_cast<double>(of - 1);
  return "s" + std::to_string(behind <= 0 ? 4 : behind <= 0.25 ? 3 : behind <= 0.5 ? 2 : behind <= 0.75 ? 1 : 0);
}

}  // namespace clb::report
