#include <algorithm>
#include <clb/audit/audit.hpp>
#include <clb/stream/shape.hpp>

namespace clb::audit {
namespace {

using Faults = std::vector<std::string>;

// What the run's stream is after a task, by original class.
struct Recount {
  Recount(const base::RunSpec& run, int64_t task)
      : spec(run.protocol),
        shape(run),
        after_task(task),
        groups(shape.evaluated_groups(task)),
        seen(shape.classes_seen(task)),
        limits(stream::test_limits(run.dataset)) {
    group_of.assign(static_cast<size_t>(run.dataset.class_count), -1);
    position.assign(static_cast<size_t>(run.dataset.class_count), -1);
    for (int64_t group = 0; group < shape.groups(); ++group) {
      const stream::Range classes = shape.group_classes(group);
      for (int64_t p = classes.first; p < classes.end; ++p) {
        const auto label = static_cast<size_t>(spec.class_order[static_cast<size_t>(p)]);
        position[label] = p;
        group_of[label] = shape.is_domain_stream() ? 0 : group;
      }
    }
  }

  bool known(int64_t label) const { return label >= 0 && label < static_cast<int64_t>(position.size()); }
  int64_t group(int64_t label) const { return known(label) ? group_of[static_cast<size_t>(label)] : -1; }
  // A sample of a class to come is predicted among all classes that the run will learn.
  bool can_be_predicted(int64_t label, int64_t of_group) const {
    return known(label) && position[static_cast<size_t>(label)] >= 0 && position[static_cast<size_t>(label)] < columns(of_group);
  }
  int64_t columns(int64_t of_group) const {
    return !shape.is_domain_stream() && shape.unseen(of_group, after_task) ? shape.columns(after_task) : seen;
  }
  int64_t classes_of(int64_t group) const { return shape.group_classes(group).size(); }

  const base::ProtocolSpec& spec;
  stream::StreamShape shape;
  int64_t after_task;
  int64_t groups;                           // that are evaluated
  int64_t seen;                             // classes seen
  std::vector<int64_t> limits;              // of the subset, by original class; 0: all
  std::vector<int64_t> group_of, position;  // by original class; -1: not in the stream
};

struct Tally {
  int64_t n = 0, correct = 0, outside = 0;  // outside: predicted a class of another group
};

std::string at(int64_t after_task) { return "after task " + std::to_string(after_task + 1); }

// Which samples have to be evaluated is known but for a validation set, which is drawn, and domains, which labels do not tell.
Faults check_evaluated(const base::RunSpec& run, const Recount& stream, int64_t after_task, const std::vector<int64_t>& predicted,
                       const std::vector<int64_t>& targets) {
  if (stream.shape.is_domain_stream() || run.protocol.evaluate_on != "test") return {};
  std::vector<int64_t> taken(stream.position.size(), 0);
  for (size_t i = 0; i < targets.size(); ++i) {
    const int64_t group = stream.group(targets[i]);
    bool wanted = group >= 0 && group < stream.groups;
    const int64_t limit = wanted ? stream.limits[static_cast<size_t>(targets[i])] : 0;
    if (limit > 0) wanted = taken[static_cast<size_t>(targets[i])]++ < limit;
    if (wanted != (predicted[i] != -1))
      return {at(after_task) + ": sample " + std::to_string(i) +
              (wanted ? " has no prediction" : " has a prediction and is not in the evaluated set")};
  }
  return {};
}

void compare(Faults& faults, const std::string& where, const char* what, int64_t stored, int64_t low, int64_t high) {
  if (stored >= low && stored <= high) return;
  faults.push_back(where + ": " + what + " is " + std::to_string(stored) + ", recounted " +
                   (low == high ? std::to_string(low) : std::to_string(low) + " to " + std::to_string(high)));
}

void compare(Faults& faults, const Recount& stream, int64_t after_task, const base::EvalCount& stored, const Tally& tally) {
  const std::string where = at(after_task) + " on group " + std::to_string(stored.group + 1);
  compare(faults, where, "n", stored.n, tally.n, tally.n);
  compare(faults, where, "correct", stored.correct, tally.correct, tally.correct);
  const int64_t all = stream.columns(stored.group);  // that were predicted among, but for what the protocol gives away
  const bool own_only = stream.spec.kind == "task" || stream.shape.is_domain_stream() || stream.classes_of(stored.group) == all;
  compare(faults, where, "correct within the group", stored.correct_within, tally.correct, tally.correct + (own_only ? 0 : tally.outside));
  const int64_t columns = stream.spec.kind == "task" ? stream.classes_of(stored.group) : all;
  compare(faults, where, "correct in the top 5", stored.correct5, columns <= 5 ? tally.n : tally.correct, tally.n);
  if (stored.loss_sum < 0) faults.push_back(where + ": the sum of losses is negative");
}

// Domain by domain nothing is known, so that all of them together have to fit.
void compare_domains(Faults& faults, int64_t after_task, const std::vector<base::EvalCount>& evals, const Tally& all) {
  base::EvalCount sum;
  for (const base::EvalCount& eval : evals) {
    sum.n += eval.n;
    sum.correct += eval.correct;
    sum.correct_within += eval.correct_within;
  }
  const std::string where = at(after_task) + " on all groups together";
  compare(faults, where, "n", sum.n, all.n, all.n);
  compare(faults, where, "correct", sum.correct, all.correct, all.correct);
  compare(faults, where, "correct within the group", sum.correct_within, all.correct, all.correct);
}

Faults check_groups(const Recount& stream, int64_t after_task, const std::vector<base::EvalCount>& evals) {
  for (size_t i = 0; i < std::max(evals.size(), static_cast<size_t>(stream.groups)); ++i) {
    if (i >= evals.size()) return {at(after_task) + ": group " + std::to_string(i + 1) + " was not evaluated"};
    if (i >= static_cast<size_t>(stream.groups) || evals[i].group != static_cast<int64_t>(i))
      return {at(after_task) + ": there are counts of group " + std::to_string(evals[i].group + 1) + ", expected groups 1 to " +
              std::to_string(stream.groups)};
  }
  return {};
}

}  // namespace

std::vector<std::string> recount(const base::RunSpec& run, int64_t after_task, const std::vector<base::EvalCount>& evals,
                                 const std::vector<int64_t>& predicted, const std::vector<int64_t>& targets) {
  const Recount stream(run, after_task);
  if (predicted.size() != targets.size())
    return {at(after_task) + ": " + std::to_string(predicted.size()) + " predictions for " + std::to_string(targets.size()) + " samples"};
  Faults faults = check_groups(stream, after_task, evals);
  if (!faults.empty()) return faults;
  std::vector<Tally> tallies(static_cast<size_t>(stream.groups));
  for (size_t i = 0; i < targets.size(); ++i) {
    if (predicted[i] == -1) continue;
    const int64_t group = stream.group(targets[i]);
    if (!stream.can_be_predicted(predicted[i], group))
      return {at(after_task) + ": sample " + std::to_string(i) + " is predicted as class " + std::to_string(predicted[i]) +
              ", which was not learned by then"};
    if (group < 0 || group >= stream.groups)
      return {at(after_task) + ": sample " + std::to_string(i) + " of class " + std::to_string(targets[i]) +
              " has a prediction and is of no evaluated group"};
    Tally& tally = tallies[static_cast<size_t>(group)];
    ++tally.n;
    tally.correct += predicted[i] == targets[i];
    tally.outside += stream.group(predicted[i]) != group;
  }
  faults = check_evaluated(run, stream, after_task, predicted, targets);
  if (stream.shape.is_domain_stream() && stream.groups > 1) {
    compare_domains(faults, after_task, evals, tallies[0]);
    return faults;
  }
  for (size_t g = 0; g < evals.size(); ++g) compare(faults, stream, after_task, evals[g], tallies[g]);
  return faults;
}

}  // namespace clb::audit
