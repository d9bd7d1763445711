// Two series, run by run: the same seed, the same class order, the same test samples.
#pragma once

#include <clb/compare/series.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace clb::compare {

// One side of a comparison: a series and the file that its runs are read from.
struct Side {
  const store::Store* store = nullptr;
  const Series* series = nullptr;
};

// Takes attempts that both sides hold, by their UUIDs, out of both: of a file and its copy, of two files that were merged with a third. An
// attempt compared with itself is no evidence. Returns how many they were.
size_t set_apart(Series& a, Series& b);
std::string shared_text(size_t shared);  // one sentence; "" when nothing is shared

struct Pair {
  RunId id;
  const store::RunRow *a = nullptr, *b = nullptr;  // the newest attempt of each that ended well
};
std::vector<Pair> pairs_of(const Series& a, const Series& b);

// Both have logit hashes of every task, and they are equal.
bool same_logits(const Side& a, const Side& b, const Pair& pair);

// Predictions of the same samples in all pairs together.
struct Flips {
  int64_t n = 0;                   // predictions compared
  int64_t changed = 0;             // another class
  int64_t only_a = 0, only_b = 0;  // right in one alone
  std::optional<double> p;         // exact McNemar, of one pair alone: several pairs judge the same images, and are no independent draws
};
struct FlipTable {
  std::vector<Flips> after_task;  // over all samples evaluated after that task
  std::vector<Flips> on_task;     // after the last task, samples of that task's classes; empty unless tasks are told apart by class
  std::string missing;            // why there is none
};
FlipTable flips_of(const Side& a, const Side& b, const std::vector<Pair>& pairs);

}  // namespace clb::compare
