#include <algorithm>
#include <clb/audit/audit.hpp>
#include <numeric>

namespace clb::audit {
namespace {

using Faults = std::vector<std::string>;

// The stream as the run's spec draws it (harness/stream/protocol.cpp says the same to the runner).
struct Stream {
  explicit Stream(const base::RunSpec& run, int64_t after_task) : spec(run.protocol), domains(spec.kind == "domain") {
    const auto parts = static_cast<int64_t>(spec.task_sizes.size());
    const int64_t to_run = spec.stop_after > 0 ? std::min(spec.stop_after, parts) : parts;
    groups = spec.joint || spec.eval_on == "all" ? to_run : std::min(after_task + 1, parts);
    if (spec.eval_on == "fixed") groups = 1;
    const int64_t learned = spec.joint ? to_run : std::min(after_task + 1, parts);
    group_of.assign(static_cast<size_t>(run.dataset.class_count), -1);
    position.assign(static_cast<size_t>(run.dataset.class_count), -1);
    int64_t part = 0, end = domains ? 0 : spec.task_sizes[0];
    for (size_t p = 0; p < spec.class_order.size(); ++p) {
      while (!domains && static_cast<int64_t>(p) >= end) end += spec.task_sizes[static_cast<size_t>(++part)];
      const auto label = static_cast<size_t>(spec.class_order[p]);
      position[label] = static_cast<int64_t>(p);
      group_of[label] = domains ? 0 : part;
    }
    seen = domains ? static_cast<int64_t>(spec.class_order.size())
                   : std::accumulate(spec.task_sizes.begin(), spec.task_sizes.begin() + learned, int64_t{0});
  }

  bool known(int64_t label) const { return label >= 0 && label < static_cast<int64_t>(position.size()); }
  int64_t group(int64_t label) const { return known(label) ? group_of[static_cast<size_t>(label)] : -1; }
  bool can_be_predicted(int64_t label) const {
    return known(label) && position[static_cast<size_t>(label)] >= 0 && position[static_cast<size_t>(label)] < seen;
  }
  int64_t classes_of(int64_t group) const { return domains ? seen : spec.task_sizes[static_cast<size_t>(group)]; }

  const base::ProtocolSpec& spec;
  bool domains;
  int64_t groups = 0;                       // that are evaluated
  int64_t seen = 0;                         // classes with a logit
  std::vector<int64_t> group_of, position;  // by original class; -1: not in the stream
};

struct Tally {
  int64_t n = 0, correct = 0, outside = 0;  // outside: predicted a class of another group
};

std::string at(int64_t after_task) { return "after task " + std::to_string(after_task + 1); }

// Which samples have to be evaluated is known but for a validation set, which is drawn, and domains, which labels do not tell.
Faults check_evaluated(const base::RunSpec& run, const Stream& stream, int64_t after_task, const std::vector<int64_t>& predicted,
                       const std::vector<int64_t>& targets) {
  if (stream.domains || run.protocol.evaluate_on != "test") return {};
  std::vector<int64_t> taken(stream.position.size(), 0);
  for (size_t i = 0; i < targets.size(); ++i) {
    const int64_t group = stream.group(targets[i]);
    bool wanted = group >= 0 && group < stream.groups;
    if (wanted && run.dataset.test_per_class > 0) wanted = taken[static_cast<size_t>(targets[i])]++ < run.dataset.test_per_class;
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

void compare(Faults& faults, const Stream& stream, int64_t after_task, const base::EvalCount& stored, const Tally& tally) {
  const std::string where = at(after_task) + " on group " + std::to_string(stored.group + 1);
  compare(faults, where, "n", stored.n, tally.n, tally.n);
  compare(faults, where, "correct", stored.correct, tally.correct, tally.correct);
  const bool own_only = stream.spec.kind == "task" || stream.domains || stream.classes_of(stored.group) == stream.seen;
  compare(faults, where, "correct within the group", stored.correct_within, tally.correct, tally.correct + (own_only ? 0 : tally.outside));
  const int64_t columns = stream.spec.kind == "task" ? stream.classes_of(stored.group) : stream.seen;
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

Faults check_groups(const Stream& stream, int64_t after_task, const std::vector<base::EvalCount>& evals) {
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
  const Stream stream(run, after_task);
  if (predicted.size() != targets.size())
    return {at(after_task) + ": " + std::to_string(predicted.size()) + " predictions for " + std::to_string(targets.size()) + " samples"};
  Faults faults = check_groups(stream, after_task, evals);
  if (!faults.empty()) return faults;
  std::vector<Tally> tallies(static_cast<size_t>(stream.groups));
  for (size_t i = 0; i < targets.size(); ++i) {
    if (predicted[i] == -1) continue;
    if (!stream.can_be_predicted(predicted[i]))
      return {at(after_task) + ": sample " + std::to_string(i) + " is predicted as class " + std::to_string(predicted[i]) +
              ", which was not learned by then"};
    const int64_t group = stream.group(targets[i]);
    if (group < 0 || group >= stream.groups)
      return {at(after_task) + ": sample " + std::to_string(i) + " of class " + std::to_string(targets[i]) +
              " has a prediction and is of no evaluated group"};
    Tally& tally = tallies[static_cast<size_t>(group)];
    ++tally.n;
    tally.correct += predicted[i] == targets[i];
    tally.outside += stream.group(predicted[i]) != group;
  }
  faults = check_evaluated(run, stream, after_task, predicted, targets);
  if (stream.domains && stream.groups > 1) {
    compare_domains(faults, after_task, evals, tallies[0]);
    return faults;
  }
  for (size_t g = 0; g < evals.size(); ++g) compare(faults, stream, after_task, evals[g], tallies[g]);
  return faults;
}

}  // namespace clb::audit
