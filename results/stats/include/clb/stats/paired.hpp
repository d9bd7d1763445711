// Tests of paired results: two methods, or two commits, on the same seeds and the same test images. p values are two-sided.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace clb::stats {

// Exact McNemar test of two classifiers on the same samples. only_a and only_b count the samples that one alone got right. Given that they
// disagree, either is right with probability 1/2: p = min(1, 2 P(X <= min(only_a, only_b))), X ~ Binomial(only_a + only_b, 1/2); 1 when
// they never disagree. McNemar, Psychometrika 12, 1947; its exact form: Agresti, Categorical Data Analysis, 2nd edition, section 10.1.
double mcnemar_exact(int64_t only_a, int64_t only_b);

// Sign-flip test (Fisher's randomisation of paired differences, The Design of Experiments, 1935, section 21): were there no difference,
// each one could as well have had the other sign. p = share of all 2^n sign patterns whose sum is at least as far from 0 as the one seen.
struct SignFlip {
  double p = 1;
  bool exact = true;  // false: more than kSignFlipEnumerated values, p from kSignFlipDraws random patterns
};
// Up to this many values every pattern is enumerated. Beyond it patterns are drawn with a fixed seed, and the one seen counts as drawn too:
// p = (1 + as far) / (1 + draws), so that p is never 0 (Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 2010).
inline constexpr size_t kSignFlipEnumerated = 20;
inline constexpr size_t kSignFlipDraws = 100'000;
SignFlip sign_flip(std::span<const double> differences);  // at least one (std::invalid_argument)

// Student's paired t test of mean 0: the p value that belongs to t_interval. Equal values have no spread: 1 when they are 0, else 0. Needs
// at least 2 values (std::invalid_argument).
double t_test(std::span<const double> differences);

// p values adjusted for their number, in the order given: below alpha with the family-wise error at most alpha, however they depend.
// adjusted p(i) = max over j <= i of min(1, (m - j + 1) p(j)), p ascending. Holm, Scand. J. Statist. 6, 1979.
std::vector<double> holm(std::span<const double> p);

}  // namespace clb::stats
