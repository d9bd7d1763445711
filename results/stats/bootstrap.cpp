#include <algorithm>
#include <clb/stats/bootstrap.hpp>
#include <stdexcept>

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

}  // namespace clb::stats
