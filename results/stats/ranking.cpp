#include <algorithm>
#include <clb/stats/ranking.hpp>

namespace clb::stats {

std::vector<size_t> first_worse(size_t rows, double level, const Told& told) {
  std::vector<size_t> all;
  size_t reached = 0;
  for (size_t better = 0; better < rows; ++better) {
    size_t first = rows;
    while (reached < rows && first > std::max(better + 1, reached) && told(better, first - 1, level / pairs_of(rows))) --first;
    all.push_back(reached = first);
  }
  return all;
}

Rank rank_of(size_t row, const std::vector<size_t>& first_worse) {
  Rank rank{.low = 1, .high = first_worse[row]};
  size_t group = 0;  // another begins where the first row that is worse moves on
  for (size_t s = 0; s <= row; ++s) {
    if (first_worse[s] <= row) ++rank.low;
    if (s > 0 && first_worse[s] == first_worse[s - 1]) continue;
    ++group;
    if (row < first_worse[s]) rank.groups.push_back(group);
  }
  return rank;
}

}  // namespace clb::stats
