// What was drawn independently: the n of every verdict.
//
// Runs of several class orders have one unit per class order, since seeds within an order share it; with one order a seed is a unit. Equal
// results within an order (the same predictions after every task) count once: copies of a deterministic result are no evidence.
#pragma once

#include <clb/compare/pair.hpp>
#include <clb/stats/interval.hpp>
#include <string>
#include <vector>

namespace clb::compare {

// What a run predicted and counted, as a hash; without stored predictions, what it counted.
std::string result_of(const store::Store& store, const store::RunRow& attempt);

struct Draw {  // a run, or a pair of runs
  RunId id;
  std::string result;
  double value = 0;
};

struct Units {
  std::vector<double> values;  // one per unit: the mean over its distinct results
  size_t runs = 0, distinct = 0;
  bool orders = false;  // units are class orders
  bool several() const { return values.size() > 1; }
  std::string text() const;  // "3 seeds", "3 class orders (15 runs)", "1 distinct result of 5 seeds"
};
Units units_of(const std::vector<Draw>& draws);

// Of units that scatter normally around a mean which is not known: the probability that one more is above 0, by Student's predictive
// distribution t(n - 1) around the mean, scaled by s sqrt(1 + 1/n). At least two values.
double probability_above_zero(const std::vector<double>& values);
// 95 % interval of the mean of the groups' means, each group with a spread of its own (Satterthwaite); every group has at least two values.
stats::Interval interval_of_mean(const std::vector<std::vector<double>>& groups);

// Seeds of one class order that gave the same predictions: a sentence about them, "" when all differ. Whoever asks knows that they should:
// a method that trains has to depend on its seed, and the head has to where the base does.
bool trains(const Series& series);
std::string equal_seeds_text(const Side& side, const std::string& name);

}  // namespace clb::compare
