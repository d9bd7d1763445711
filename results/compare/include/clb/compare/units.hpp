// What was drawn independently: the n of every verdict.
//
// What is one: clb/stats/units.hpp. Here its words, and which runs computed the same.
#pragma once

#include <clb/compare/pair.hpp>
#include <clb/stats/interval.hpp>
#include <clb/stats/uncertain.hpp>
#include <clb/stats/units.hpp>
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

struct Units : stats::Units {
  std::vector<double> values;  // one per unit: the mean over its distinct results
  std::string text() const;    // "3 seeds", "3 class orders (15 runs)", "1 distinct result of 5 seeds"
};
Units units_of(const std::vector<Draw>& draws);

// 95 % interval of the mean of independent means; degrees of freedom are weighed as in stats::Uncertain.
stats::Interval interval_of_mean(const std::vector<stats::Uncertain>& parts);

// Seeds of one class order that gave the same predictions: a sentence about them, "" when all differ. Whoever asks knows that they should:
// a method that trains has to depend on its seed, and the head has to where the base does.
bool trains(const Series& series);
std::string equal_seeds_text(const Side& side, const std::string& name);

}  // namespace clb::compare
