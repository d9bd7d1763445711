// The protocol applied to a dataset: which samples each task trains on, which groups of samples are evaluated after it, and the map between
// original class ids and positions in the class order.
//
// A stream is a list of parts. In a class- or task-incremental stream a part holds the samples of some classes, in a domain-incremental one
// those of a domain with all classes. A task trains one part; a joint run has one task, which trains them all.
#pragma once

#include <clb/base/run_spec.hpp>
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

  int64_t tasks_to_run() const { return joint_ ? 1 : parts_to_run_; }
  int64_t task_count() const { return joint_ ? 1 : static_cast<int64_t>(parts_.size()); }  // of the whole stream
  int64_t class_count() const { return joint_ ? classes_seen(0) : static_cast<int64_t>(class_order_.size()); }
  int64_t classes_seen(int64_t task) const { return parts_[static_cast<size_t>(joint_ ? parts_to_run_ - 1 : task)].end; }  // after the task
  int64_t domain(int64_t task) const { return domain_stream_ ? task : 0; }
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
  struct Part {
    int64_t first, end;          // classes, as positions
    std::vector<int64_t> train;  // by class position, then by index
  };
  void make_parts(const base::ProtocolSpec& spec);

  std::vector<int64_t> class_order_, position_;
  bool domain_stream_, joint_, task_ids_, evaluates_test_;
  std::string eval_on_;
  int64_t parts_to_run_ = 0;
  std::vector<Part> parts_;
  std::vector<int64_t> part_of_;  // by training index
  std::vector<Group> groups_;
};

}  // namespace clb::stream
