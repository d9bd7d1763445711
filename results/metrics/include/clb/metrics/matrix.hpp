// The counts of one run: what was measured on every group of test samples after every task.
//
// Written a[t][j] in formulas: accuracy on group j after task t, over all classes seen by then; n[j] samples. Tasks and groups count from
// 0; task -1 is the state before any training. A group is seen after task t when j <= t; in a joint run all groups are seen after task 0; a
// fixed test set is one group, seen after every task.
#pragma once

#include <clb/base/event.hpp>
#include <cstdint>
#include <optional>
#include <vector>

namespace clb::metrics {

class AccuracyMatrix {
 public:
  // tasks: that the run was to learn; 1 when joint. one_group: the test set is fixed.
  AccuracyMatrix(int64_t tasks, bool joint, bool one_group = false) : tasks_(tasks), joint_(joint), one_group_(one_group) {}
  void add(int64_t after_task, const base::EvalCount& count);  // a second count of one cell replaces the first

  int64_t tasks() const { return tasks_; }
  bool joint() const { return joint_; }
  bool one_group() const { return one_group_; }
  int64_t last() const { return tasks_ - 1; }
  int64_t seen_groups(int64_t after_task) const;                         // number of groups whose classes were seen after this task
  const base::EvalCount* find(int64_t after_task, int64_t group) const;  // nullptr: not evaluated, or no samples
  std::optional<double> accuracy(int64_t after_task, int64_t group) const;

 private:
  int64_t tasks_;
  bool joint_, one_group_;
  int64_t groups_ = 0;  // of a joint run: highest group evaluated + 1
  struct Cell {
    int64_t after_task;
    base::EvalCount count;
  };
  std::vector<Cell> cells_;  // sorted by (after_task, group)
};

}  // namespace clb::metrics
