// What the rows of a table tell of each other's spread over units. The variance of three values scatters over a factor of a hundred, and a
// comparison that has to doubt it so far finds nothing; thirty rows together know much better how far units lie apart.
#pragma once

#include <clb/stats/uncertain.hpp>
#include <vector>

namespace clb::stats {

// What is expected of the variance of a difference of two rows' means before it is seen, worth so many degrees of freedom; 0: nothing.
using Prior = Part;

// unit_means: of each row on the same units, at least 2 of them. What units do to all rows alike is taken out; of the logarithms of the
// rows' variances their mean, and how much more they scatter than variances of one size would: the empirical Bayes estimate of Smyth, Stat.
// Appl. Genet. Mol. Biol. 3, 2004, section 6.2. There the scatter itself is estimated; here its upper 95 % limit counts, so that few rows,
// or rows that differ, are believed less, and never more than n - 1 degrees of freedom. Nothing for fewer than kFewestForPrior rows.
inline constexpr size_t kFewestForPrior = 4;
Prior prior_of(const std::vector<std::vector<double>>& unit_means);

// Both weighted by their degrees of freedom, which add up.
Part moderated(const Part& seen, const Prior& prior);

}  // namespace clb::stats
