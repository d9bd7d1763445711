#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/trigamma.hpp>
#include <clb/stats/moderated.hpp>
#include <cmath>

namespace clb::stats {
namespace {

constexpr double kMostDf = 1000;

// Variances of the rows over units, what the units do to all of them taken out; those without any spread are left out.
std::vector<double> variances_of(const std::vector<std::vector<double>>& rows) {
  const auto k = static_cast<double>(rows.size()), n = static_cast<double>(rows.front().size());
  std::vector<double> of_unit(rows.front().size(), 0.0);
  for (const auto& row : rows)
    for (size_t u = 0; u < row.size(); ++u) of_unit[u] += (row[u] - mean(row)) / k;
  std::vector<double> variances;
  for (const auto& row : rows) {
    double sum = 0;
    for (size_t u = 0; u < row.size(); ++u) sum += std::pow(row[u] - mean(row) - of_unit[u], 2);
    if (sum > 0) variances.push_back(sum / ((n - 1) * (1 - 1 / k)));
  }
  return variances;
}

double trigamma_inverse(double value) {  // trigamma falls from infinity to 0
  double low = 1e-6, high = kMostDf / 2;
  if (boost::math::trigamma(high) >= value) return high;
  for (int step = 0; step < 60; ++step) {
    const double middle = std::sqrt(low * high);
    (boost::math::trigamma(middle) > value ? low : high) = middle;
  }
  return high;
}

}  // namespace

Prior prior_of(const std::vector<std::vector<double>>& unit_means) {
  if (unit_means.size() < kFewestForPrior || unit_means.front().size() < 2) return {0, 0};
  const std::vector<double> variances = variances_of(unit_means);
  if (variances.size() < kFewestForPrior) return {0, 0};
  const auto k = static_cast<double>(variances.size()), n = static_cast<double>(unit_means.front().size());
  std::vector<double> logs;  // less what an estimate of n - 1 degrees of freedom is off by
  const double half = (n - 1) / 2;
  for (const double variance : variances) logs.push_back(std::log(variance) - boost::math::digamma(half) + std::log(half));
  const double middle = mean(logs);
  double squares = 0;
  for (const double value : logs) squares += (value - middle) * (value - middle);
  const double limit = squares / boost::math::quantile(boost::math::chi_squared(k - 1), 0.05);
  // A row that varies ten times as much as all others may look like them by chance: what is expected never weighs more than what is seen.
  const double half_df = std::min(half, trigamma_inverse(std::max(1e-9, limit - boost::math::trigamma(half))));
  const double variance = std::exp(middle + boost::math::digamma(half_df) - std::log(half_df));
  return {2 * variance / n, 2 * half_df};
}

Part moderated(const Part& seen, const Prior& prior) {
  if (prior.df <= 0) return seen;
  const double df = seen.df + prior.df;
  return {(seen.df * seen.variance + prior.df * prior.variance) / df, df};
}

}  // namespace clb::stats
