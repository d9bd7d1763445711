// Two methods over several datasets with a few runs each: the estimates of Agarwal et al., Deep Reinforcement Learning at the Edge of the
// Statistical Precipice, NeurIPS 2021 ("rliable"). A stratum is one dataset and protocol.
#pragma once

#include <clb/stats/interval.hpp>
#include <vector>

namespace clb::stats {

// Mean of the middle half: of n values sorted, floor(n / 4) are cut from each end. At least one value (std::invalid_argument).
double interquartile_mean(std::vector<double> values);

// Values of A and B in one stratum. Paired: a[i] and b[i] have the same seed and class order.
struct Stratum {
  std::vector<double> a, b;
};

struct Estimate {
  double value = 0;
  Interval interval;  // 95 %, stratified bootstrap of kResamples resamples: runs are drawn with replacement inside each stratum
};

// P(A > B): mean over strata of the share of pairs (run of A, run of B) in which A's value is higher, ties counting one half (equation 2).
// A's and B's runs are drawn independently.
Estimate probability_of_improvement(const std::vector<Stratum>& strata);

// Interquartile mean over all runs of all strata (section 4.3), and the difference of A's and B's. Pairs are drawn together, since they
// share what their seed draws; every stratum needs as many values of A as of B (std::invalid_argument).
struct InterquartileMeans {
  Estimate a, b, difference;
};
InterquartileMeans interquartile_means(const std::vector<Stratum>& strata);

}  // namespace clb::stats
