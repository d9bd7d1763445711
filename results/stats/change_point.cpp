#include <algorithm>
#include <clb/stats/bootstrap.hpp>
#include <clb/stats/change_point.hpp>
#include <cmath>
#include <limits>

namespace clb::stats {
namespace {

double noise(std::span<const double> values) {
  std::vector<double> steps;
  for (size_t i = 1; i < values.size(); ++i) steps.push_back(std::abs(values[i] - values[i - 1]));
  return quantile(std::move(steps), 0.5) / (0.6744897501960817 * std::sqrt(2.0));
}

// Squared distances of values[begin, end) from their mean, in one pass over running sums.
class Cost {
 public:
  explicit Cost(std::span<const double> values) : sum_(values.size() + 1), squares_(values.size() + 1), origin_(values[0]) {
    for (size_t i = 0; i < values.size(); ++i) {
      const double x = values[i] - origin_;  // close to 0, so that little is lost in the difference below
      sum_[i + 1] = sum_[i] + x;
      squares_[i + 1] = squares_[i] + x * x;
    }
  }
  double operator()(size_t begin, size_t end) const {
    const double sum = sum_[end] - sum_[begin];
    return squares_[end] - squares_[begin] - sum * sum / static_cast<double>(end - begin);
  }

 private:
  std::vector<double> sum_, squares_;
  double origin_;
};

}  // namespace

std::vector<size_t> change_points(std::span<const double> values) {
  const size_t n = values.size();
  if (n < kFewestForChanges) return {};
  const double sigma = noise(values);
  const Cost cost(values);
  const double rounding = 1e-12 * (1 + cost(0, n));
  const double penalty = 4 * sigma * sigma * std::log(static_cast<double>(n)) + rounding;
  const size_t shortest = sigma > 0 ? 2 : 1;

  std::vector<double> best(n + 1, std::numeric_limits<double>::infinity());  // of values[0, end)
  std::vector<size_t> begin_of(n + 1, 0);                                    // of the last segment of that
  best[0] = -penalty;
  for (size_t end = shortest; end <= n; ++end) {
    for (size_t begin = 0; begin + shortest <= end; ++begin) {
      const double total = best[begin] + cost(begin, end) + penalty;
      if (total < best[end]) {
        best[end] = total;
        begin_of[end] = begin;
      }
    }
  }
  std::vector<size_t> changes;
  for (size_t end = n; begin_of[end] > 0; end = begin_of[end]) changes.push_back(begin_of[end]);
  std::reverse(changes.begin(), changes.end());
  return changes;
}

}  // namespace clb::stats
