#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <clb/stats/interval.hpp>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace clb::stats {
namespace {

constexpr size_t kFewestForInterval = 3;  // with two values the t interval is 12.7 standard errors wide and tells nobody anything

}  // namespace

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

Interval t_interval(std::span<const double> values, double level) {
  if (values.size() < 2) throw std::invalid_argument("a t interval needs at least two values");
  const auto n = static_cast<double>(values.size());
  const double middle = mean(values);
  double squares = 0;
  for (double value : values) squares += (value - middle) * (value - middle);
  const double standard_error = std::sqrt(squares / (n - 1) / n);
  const double t = boost::math::quantile(boost::math::students_t(n - 1), 0.5 + level / 2);
  return {middle - t * standard_error, middle + t * standard_error};
}

Summary summarise(std::span<const double> values) {
  if (values.empty()) throw std::invalid_argument("nothing to summarise");
  auto [low, high] = std::minmax_element(values.begin(), values.end());
  Summary summary{static_cast<int64_t>(values.size()), mean(values), *low, *high, "min-max"};
  if (values.size() >= kFewestForInterval) {
    const Interval interval = t_interval(values, kLevel);
    summary.low = interval.low;
    summary.high = interval.high;
    summary.spread = "t95";
  }
  return summary;
}

}  // namespace clb::stats
