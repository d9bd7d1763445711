#include <algorithm>
#include <bit>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <clb/stats/paired.hpp>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "draws.hpp"

namespace clb::stats {
namespace {

// Sums of the same numbers in another order differ by rounding; a pattern that ties with the one seen must count.
double tie_tolerance(std::span<const double> values) {
  double sum = 0;
  for (double value : values) sum += std::abs(value);
  return 1e-12 * sum;
}

// Patterns in Gray-code order: from one to the next a single sign changes. A pattern and its mirror image are equally far from 0, so the
// last sign stays fixed.
double enumerated(std::span<const double> values, double least) {
  const uint64_t patterns = uint64_t{1} << (values.size() - 1);
  std::vector<double> signs(values.size(), 1.0);
  double sum = std::accumulate(values.begin(), values.end(), 0.0);
  uint64_t far = 0;
  for (uint64_t pattern = 1;; ++pattern) {
    if (std::abs(sum) >= least) ++far;
    if (pattern == patterns) break;
    const auto flipped = static_cast<size_t>(std::countr_zero(pattern));
    signs[flipped] = -signs[flipped];
    sum += 2 * signs[flipped] * values[flipped];
  }
  return static_cast<double>(far) / static_cast<double>(patterns);
}

double drawn(std::span<const double> values, double least) {
  Draws draws;
  size_t far = 1;
  for (size_t draw = 0; draw < kSignFlipDraws; ++draw) {
    double sum = 0;
    for (double value : values) sum += draws.below(2) ? value : -value;
    if (std::abs(sum) >= least) ++far;
  }
  return static_cast<double>(far) / static_cast<double>(kSignFlipDraws + 1);
}

}  // namespace

double mcnemar_exact(int64_t only_a, int64_t only_b) {
  if (only_a < 0 || only_b < 0) throw std::invalid_argument("McNemar's counts cannot be negative");
  const int64_t n = only_a + only_b;
  if (n == 0) return 1;
  const boost::math::binomial_distribution<double> fair(static_cast<double>(n), 0.5);
  return std::min(1.0, 2 * boost::math::cdf(fair, static_cast<double>(std::min(only_a, only_b))));
}

SignFlip sign_flip(std::span<const double> differences) {
  if (differences.empty()) throw std::invalid_argument("a sign-flip test needs a difference");
  const double seen = std::abs(std::accumulate(differences.begin(), differences.end(), 0.0));
  const double least = seen - tie_tolerance(differences);
  const bool exact = differences.size() <= kSignFlipEnumerated;
  return {exact ? enumerated(differences, least) : drawn(differences, least), exact};
}

double t_test(std::span<const double> differences) {
  if (differences.size() < 2) throw std::invalid_argument("a t test needs at least two values");
  const auto n = static_cast<double>(differences.size());
  const double mean = std::accumulate(differences.begin(), differences.end(), 0.0) / n;
  double squares = 0;
  for (double value : differences) squares += (value - mean) * (value - mean);
  const double standard_error = std::sqrt(squares / (n - 1) / n);
  if (standard_error == 0) return mean == 0 ? 1 : 0;
  return 2 * boost::math::cdf(boost::math::complement(boost::math::students_t(n - 1), std::abs(mean) / standard_error));
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size());
  double largest = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    largest = std::max(largest, std::min(1.0, static_cast<double>(p.size() - i) * p[order[i]]));
    adjusted[order[i]] = largest;
  }
  return adjusted;
}

}  // namespace clb::stats
