#include <algorithm>
#include <clb/metrics/matrix.hpp>
#include <utility>

namespace clb::metrics {

namespace {

template <class Cell>
bool before(const Cell& cell, const std::pair<int64_t, int64_t>& place) {
  return std::pair(cell.after_task, cell.count.group) < place;
}

}  // namespace

void AccuracyMatrix::add(int64_t after_task, const base::EvalCount& count) {
  const std::pair place(after_task, count.group);
  auto at = cells_.end();  // counts come in order as a rule
  if (!cells_.empty() && !before(cells_.back(), place)) at = std::lower_bound(cells_.begin(), cells_.end(), place, before<Cell>);
  if (at != cells_.end() && std::pair(at->after_task, at->count.group) == place) {
    at->count = count;
  } else {
    cells_.insert(at, {after_task, count});
  }
}

const base::EvalCount* AccuracyMatrix::find(int64_t after_task, int64_t group) const {
  const std::pair place(after_task, group);
  const auto at = std::lower_bound(cells_.begin(), cells_.end(), place, before<Cell>);
  if (at == cells_.end() || std::pair(at->after_task, at->count.group) != place || at->count.n <= 0) return nullptr;
  return &at->count;
}

std::optional<double> AccuracyMatrix::accuracy(int64_t after_task, int64_t group) const {
  const base::EvalCount* count = find(after_task, group);
  if (!count) return std::nullopt;
  return static_cast<double>(count->correct) / static_cast<double>(count->n);
}

}  // namespace clb::metrics
