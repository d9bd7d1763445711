// Which of many means are told apart, when the order in which they stand is taken from the data.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace clb::stats {

// Rows in their order, best first. For each row the first one below it that is worse, their number where none is. told(a, b, alpha): is a
// better than b, in one comparison at level alpha? All pairs count (Bonferroni), so that with probability 1 - level nothing false is said,
// whichever row the data put first. A row is worse than another only when every row from it down is told from every one from the other up:
// nobody is called worse while a row with a lower mean is not.
using Told = std::function<bool(size_t better, size_t worse, double alpha)>;
std::vector<size_t> first_worse(size_t rows, double level, const Told& told);
inline double pairs_of(size_t rows) { return static_cast<double>(rows) * static_cast<double>(rows - 1) / 2; }

// Where a row may stand, from 1, and the groups to which it belongs of rows that are not told apart, best first.
struct Rank {
  size_t low = 1, high = 1;
  std::vector<size_t> groups{};
};
Rank rank_of(size_t row, const std::vector<size_t>& first_worse);

}  // namespace clb::stats
