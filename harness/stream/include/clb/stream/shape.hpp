// The shape of a stream: how many tasks there are and are run, which classes each brings, how many are seen after it, and which groups of
// samples are evaluated. The only place that says so: the runner, the audit, tables, badges, `clbench tasks`, the recorder and the metrics
// ask it.
//
// A stream is a list of parts. In a class- or task-incremental stream a part is some classes, in a domain-incremental one a domain with all
// classes. A task learns one part; a joint run has one task, which learns all parts that the run learns. Classes are positions in the class
// order throughout. Groups are counted together: each part is one, but a fixed test set is one group for all.
#pragma once

#include <clb/base/json.hpp>
#include <clb/base/run_spec.hpp>
#include <cstdint>
#include <vector>

namespace clb::stream {

struct Range {  // [first, end)
  int64_t first = 0, end = 0;
  int64_t size() const { return end - first; }
  bool operator==(const Range&) const = default;
};

class StreamShape {
 public:
  // A valid spec (RunSpec::from_json).
  StreamShape(const base::ProtocolSpec& protocol, const base::DatasetSpec& dataset);
  explicit StreamShape(const base::RunSpec& run) : StreamShape(run.protocol, run.dataset) {}
  // Of a stored spec, whatever it holds: what is absent or of another type counts as its default. Domains are not known to it.
  static StreamShape of_stored(const base::Json& spec);
  // So many parts of one class each.
  static StreamShape of_parts(int64_t parts, bool joint = false);

  bool is_domain_stream() const { return domain_stream_; }
  bool joint() const { return joint_; }

  int64_t parts() const { return static_cast<int64_t>(ends_.size()); }  // of the whole stream
  int64_t parts_to_run() const { return parts_to_run_; }                // the first stop_after of them
  Range part_classes(int64_t part) const;
  // The domain that a part is, by the data set's numbering; of a sequence of data sets the data set that all its classes are of; else -1.
  int64_t part_domain(int64_t part) const { return domains_.empty() ? -1 : domains_[static_cast<size_t>(part)]; }

  int64_t tasks() const { return joint_ ? 1 : parts(); }  // of the whole stream
  int64_t tasks_to_run() const { return joint_ ? 1 : parts_to_run_; }
  Range task_parts(int64_t task) const { return joint_ ? Range{0, parts_to_run_} : Range{task, task + 1}; }
  Range task_classes(int64_t task) const;
  int64_t classes_seen(int64_t task) const { return part_classes(joint_ ? parts_to_run_ - 1 : task).end; }  // after the task
  int64_t classes_learned() const { return parts_to_run_ == 0 ? 0 : classes_seen(tasks_to_run() - 1); }     // when the run has ended
  int64_t class_count() const { return joint_ ? classes_learned() : ends_.empty() ? 0 : ends_.back(); }     // of the whole stream

  // Groups 0 to evaluated_groups(task) - 1 are evaluated after a task; of these the first seen_groups(task) hold what was learned by then.
  int64_t groups() const { return one_group() ? 1 : parts(); }
  int64_t evaluated_groups(int64_t task) const;
  int64_t seen_groups(int64_t task) const;
  bool unseen(int64_t group, int64_t task) const { return group >= seen_groups(task); }
  bool one_group() const { return fixed_; }
  Range group_classes(int64_t group) const { return part_classes(group); }  // its own
  // Classes that a method has to give logits for: those seen, with eval_unseen all that the run will learn.
  int64_t columns(int64_t task) const { return eval_unseen_ && !joint_ ? classes_learned() : classes_seen(task); }

 private:
  StreamShape() = default;
  void set_sizes(const std::vector<int64_t>& sizes, int64_t stop_after);

  bool domain_stream_ = false, joint_ = false, eval_all_ = false, fixed_ = false, eval_unseen_ = false;
  int64_t parts_to_run_ = 0;
  std::vector<int64_t> ends_;     // of the parts' classes
  std::vector<int64_t> domains_;  // by part; empty: no domains
};

// The first so many samples that are taken of each class of a split, by original class id; 0: all. Sequences may differ between data sets.
std::vector<int64_t> train_limits(const base::DatasetSpec& dataset);
std::vector<int64_t> test_limits(const base::DatasetSpec& dataset);

}  // namespace clb::stream
