#include <algorithm>
#include <clb/stats/aggregate.hpp>
#include <clb/stats/bootstrap.hpp>
#include <clb/stats/interval.hpp>
#include <numeric>
#include <stdexcept>

#include "draws.hpp"

namespace clb::stats {
namespace {

void check(const std::vector<Stratum>& strata, bool paired) {
  if (strata.empty()) throw std::invalid_argument("no strata to aggregate");
  for (const Stratum& s : strata) {
    if (s.a.empty() || s.b.empty()) throw std::invalid_argument("a stratum without runs");
    if (paired && s.a.size() != s.b.size()) throw std::invalid_argument("a stratum of unequal pairs");
  }
}

std::vector<double> drawn(const std::vector<double>& values, Draws& draws) {
  std::vector<double> sample;
  for (size_t i = 0; i < values.size(); ++i) sample.push_back(values[draws.below(values.size())]);
  return sample;
}

double improvement(const std::vector<Stratum>& strata) {
  double sum = 0;
  for (const Stratum& s : strata) {
    double wins = 0;
    for (double a : s.a) {
      for (double b : s.b) wins += a > b ? 1 : a == b ? 0.5 : 0;
    }
    sum += wins / static_cast<double>(s.a.size() * s.b.size());
  }
  return sum / static_cast<double>(strata.size());
}

std::vector<double> all_of(const std::vector<Stratum>& strata, std::vector<double> Stratum::*side) {
  std::vector<double> all;
  for (const Stratum& s : strata) all.insert(all.end(), (s.*side).begin(), (s.*side).end());
  return all;
}

}  // namespace

double interquartile_mean(std::vector<double> values) {
  if (values.empty()) throw std::invalid_argument("no interquartile mean of nothing");
  std::sort(values.begin(), values.end());
  const auto cut = static_cast<std::ptrdiff_t>(values.size() / 4);
  const double sum = std::accumulate(values.begin() + cut, values.end() - cut, 0.0);
  return sum / static_cast<double>(static_cast<std::ptrdiff_t>(values.size()) - 2 * cut);
}

Estimate probability_of_improvement(const std::vector<Stratum>& strata) {
  check(strata, false);
  Draws draws;
  std::vector<double> resampled;
  for (size_t resample = 0; resample < kResamples; ++resample) {
    std::vector<Stratum> sample;
    for (const Stratum& s : strata) {
      std::vector<double> a = drawn(s.a, draws);
      sample.push_back({std::move(a), drawn(s.b, draws)});
    }
    resampled.push_back(improvement(sample));
  }
  return {improvement(strata), percentile_interval(resampled, kLevel)};
}

InterquartileMeans interquartile_means(const std::vector<Stratum>& strata) {
  check(strata, true);
  Draws draws;
  std::vector<double> as, bs, differences;
  for (size_t resample = 0; resample < kResamples; ++resample) {
    std::vector<double> a, b;
    for (const Stratum& s : strata) {
      for (size_t i = 0; i < s.a.size(); ++i) {
        const size_t pair = draws.below(s.a.size());
        a.push_back(s.a[pair]);
        b.push_back(s.b[pair]);
      }
    }
    as.push_back(interquartile_mean(std::move(a)));
    bs.push_back(interquartile_mean(std::move(b)));
    differences.push_back(as.back() - bs.back());
  }
  const double a = interquartile_mean(all_of(strata, &Stratum::a)), b = interquartile_mean(all_of(strata, &Stratum::b));
  return {{a, percentile_interval(as, kLevel)}, {b, percentile_interval(bs, kLevel)}, {a - b, percentile_interval(differences, kLevel)}};
}

}  // namespace clb::stats
