#include <algorithm>
#include <clb/metrics/matrix.hpp>

namespace clb::metrics {

void AccuracyMatrix::add(int64_t after_task, const base::EvalCount& count) {
  cells_[{after_task, count.group}] = count;
  groups_ = std::max(groups_, count.group + 1);
}

int64_t AccuracyMatrix::seen_groups(int64_t after_task) const {
  if (one_group_) return 1;
  return joint_ ? groups_ : after_task + 1;
}

const base::EvalCount* AccuracyMatrix::find(int64_t after_task, int64_t group) const {
  auto cell = cells_.find({after_task, group});
  return cell == cells_.end() || cell->second.n <= 0 ? nullptr : &cell->second;
}

std::optional<double> AccuracyMatrix::accuracy(int64_t after_task, int64_t group) const {
  const base::EvalCount* count = find(after_task, group);
  if (!count) return std::nullopt;
  return static_cast<double>(count->correct) / static_cast<double>(count->n);
}

}  // namespace clb::metrics
