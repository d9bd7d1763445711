#include "rank.hpp"

#include <algorithm>

namespace clb::report {

std::vector<std::optional<double>> places(const std::vector<std::optional<double>>& values, bool higher_is_better) {
  std::vector<double> sorted;
  for (const auto& value : values)
    if (value) sorted.push_back(higher_is_better ? -*value : *value);
  std::ranges::sort(sorted);
  std::vector<std::optional<double>> result;
  for (const auto& value : values) {
    if (!value) {
      result.emplace_back();
      continue;
    }
    const double sign = higher_is_better ? -*value : *value;
    result.emplace_back(1 + static_cast<double>(std::ranges::lower_bound(sorted, sign) - sorted.begin()));
  }
  return result;
}

std::string shade(std::optional<double> place, size_t of) {
  if (!place || of < 2) return "";
  const double behind = (*place - 1) / static_cast<double>(of - 1);
  return "s" + std::to_string(behind <= 0 ? 4 : behind <= 0.25 ? 3 : behind <= 0.5 ? 2 : behind <= 0.75 ? 1 : 0);
}

}  // namespace clb::report
