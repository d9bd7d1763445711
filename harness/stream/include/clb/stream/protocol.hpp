// The protocol applied to a dataset: which samples each task trains on, which groups of samples are evaluated after it, and the map between
// original class ids and positions in the class order. What does not need the samples is said by its shape.
#pragma once

#include <clb/base/run_spec.hpp>
#include <clb/stream/shape.hpp>
#include <cstdint>
#include <span>
#include <vector>

namespace clb::stream {

// Labels (original class ids) and domains of a split in index order; no domains: all samples belong to domain 0.
struct SplitIndex {
  std::span<const int64_t> labels, domains;
};

// Samples that are counted together.
struct Group {
  std::vector<int64_t> samples;  // indices into the evaluated split, ascending
  int64_t first = 0, end = 0;    // its own classes, as positions
};

class Protocol {
 public:
  // Error when a label or domain lies outside what the run names.
  Protocol(const base::RunSpec& spec, const SplitIndex& train, const SplitIndex& test);

  const StreamShape& shape() const { return shape_; }
  int64_t tasks_to_run() const { return shape_.tasks_to_run(); }
  int64_t task_count() const { return shape_.tasks(); }  // of the whole stream
  int64_t class_count() const { return shape_.class_count(); }
  int64_t classes_seen(int64_t task) const { return shape_.classes_seen(task); }  // after the task
  // What a method is told: domains count in the order of the stream; data sets of a sequence as they are listed; else 0.
  int64_t domain(int64_t task) const;
  bool grants_task_ids() const { return task_ids_; }

  std::vector<int64_t> labels(int64_t task) const;  // positions, ascending
  std::vector<int64_t> original_classes(int64_t task) const;
  int64_t position(int64_t original_class) const { return position_[static_cast<size_t>(original_class)]; }
  int64_t original(int64_t position) const { return class_order_[static_cast<size_t>(position)]; }

  bool evaluates_test() const { return evaluates_test_; }  // else: the part of the training split that is held out
  // Indices into the training split: by part, then by class position, then by index.
  std::vector<int64_t> train(int64_t task) const;
  int64_t part_of(int64_t train_index) const { return part_of_[static_cast<size_t>(train_index)]; }  // -1: trained by no part
  const std::vector<Group>& groups() const { return groups_; }
  // Ids (positions in groups()) of what is evaluated after a task.
  std::vector<int64_t> evaluated_groups(int64_t task) const;
  // Everything that the run trains on, or evaluates, ascending.
  std::vector<int64_t> all_train() const;
  std::vector<int64_t> all_evaluated() const;

 private:
  StreamShape shape_;
  std::vector<int64_t> class_order_, position_;
  bool task_ids_, evaluates_test_;
  std::vector<std::vector<int64_t>> trained_;  // samples of each part, by class position, then by index
  std::vector<int64_t> part_of_;               // by training index
  std::vector<Group> groups_;
};

}  // namespace clb::stream
