// The counts of one run: what was measured on every group of test samples after every task.
//
// Written a[t][j] in formulas: accuracy on group j after task t, over all classes seen by then; n[j] samples. Tasks and groups count from
// 0; task -1 is the state before any training. Which groups are seen after a task the stream's shape says.
#pragma once

#include <clb/base/event.hpp>
#include <clb/stream/shape.hpp>
#include <cstdint>
#include <optional>
#include <vector>

namespace clb::metrics {

class AccuracyMatrix {
 public:
  explicit AccuracyMatrix(stream::StreamShape shape) : shape_(std::move(shape)) {}
  void add(int64_t after_task, const base::EvalCount& count);  // a second count of one cell replaces the first

  int64_t tasks() const { return shape_.tasks_to_run(); }  // that the run was to learn; 1 when joint
  bool joint() const { return shape_.joint(); }
  bool one_group() const { return shape_.one_group(); }  // the test set is fixed
  int64_t groups() const { return shape_.groups(); }     // of the whole stream
  int64_t last() const { return tasks() - 1; }
  int64_t seen_groups(int64_t after_task) const { return shape_.seen_groups(after_task); }
  const base::EvalCount* find(int64_t after_task, int64_t group) const;  // nullptr: not evaluated, or no samples
  std::optional<double> accuracy(int64_t after_task, int64_t group) const;

 private:
  stream::StreamShape shape_;
  struct Cell {
    int64_t after_task;
    base::EvalCount count;
  };
  std::vector<Cell> cells_;  // sorted by (after_task, group)
};

}  // namespace clb::metrics
