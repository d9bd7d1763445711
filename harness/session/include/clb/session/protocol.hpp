// The protocol applied to a dataset: which samples each task trains on, which samples are evaluated, and the map between original class ids
// and positions in the class order. Class-incremental streams.
#pragma once

#include <clb/base/run_spec.hpp>
#include <cstdint>
#include <span>
#include <vector>

namespace clb::session {

class Protocol {
 public:
  // labels: original class ids of the splits in index order. Error when a label lies outside the class order.
  Protocol(const base::RunSpec& spec, std::span<const int64_t> train_labels, std::span<const int64_t> test_labels);

  int64_t tasks_to_run() const { return tasks_to_run_; }
  int64_t task_count() const { return static_cast<int64_t>(first_.size()) - 1; }  // of the whole stream
  int64_t class_count() const { return first_.back(); }
  int64_t classes_seen(int64_t task) const { return first_[static_cast<size_t>(task) + 1]; }  // after the task
  std::vector<int64_t> labels(int64_t task) const;                                            // positions, ascending
  std::vector<int64_t> original_classes(int64_t task) const;
  int64_t task_of(int64_t position) const;

  int64_t position(int64_t original_class) const { return position_[static_cast<size_t>(original_class)]; }
  int64_t original(int64_t position) const { return class_order_[static_cast<size_t>(position)]; }

  bool evaluates_test() const { return evaluates_test_; }  // else: the part of the training split that is held out
  // Indices into the training split, by class position, then by index.
  const std::vector<int64_t>& train(int64_t task) const { return train_[static_cast<size_t>(task)]; }
  // Indices into the evaluated split of the task's own classes, ascending.
  const std::vector<int64_t>& evaluated(int64_t task) const { return evaluated_[static_cast<size_t>(task)]; }

 private:
  std::vector<int64_t> class_order_, position_, first_;  // first_[t]: position of the first class of task t; one more at the end
  int64_t tasks_to_run_ = 0;
  bool evaluates_test_ = true;
  std::vector<std::vector<int64_t>> train_, evaluated_;
};

}  // namespace clb::session
