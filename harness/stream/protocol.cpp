#include <clb/meta.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/stream/keys.hpp>
#include <clb/stream/protocol.hpp>
#include <cmath>
#include <numeric>

namespace clb::stream {
namespace {

using base::Error;

// Samples by part of the stream and class position, in index order.
using Cells = std::vector<std::vector<std::vector<int64_t>>>;  // [part][position]

[[noreturn]] void outside(size_t sample, const char* split, const char* what, int64_t value, const char* list) {
  throw Error("sample " + std::to_string(sample) + " of the " + split + " split has " + what + " " + std::to_string(value) +
              ", which the " + list + " order does not hold");
}

// Where each domain stands in the stream: -1, not in it. No domain order: everything is one part.
std::vector<int64_t> places(const std::vector<int64_t>& domain_order) {
  std::vector<int64_t> place;
  for (size_t k = 0; k < domain_order.size(); ++k) {
    place.resize(std::max(place.size(), static_cast<size_t>(domain_order[k]) + 1), -1);
    place[static_cast<size_t>(domain_order[k])] = static_cast<int64_t>(k);
  }
  return place;
}

// Which domains come when. A stream that names its domains leaves the others out; elsewhere a domain that is not named is a mistake.
struct Domains {
  std::vector<int64_t> order;
  bool subset = false;
};

// `limits`: the first so many of each cell, by original class (0: all).
Cells cells_of(const SplitIndex& split, const char* name, const std::vector<int64_t>& position, size_t classes, const Domains& domains,
               const std::vector<int64_t>& limits) {
  const auto place = places(domains.order);
  Cells cells(std::max<size_t>(1, domains.order.size()), std::vector<std::vector<int64_t>>(classes));
  for (size_t i = 0; i < split.labels.size(); ++i) {
    const int64_t label = split.labels[i], domain = split.domains.empty() ? 0 : split.domains[i];
    if (label < 0 || label >= static_cast<int64_t>(position.size()) || position[static_cast<size_t>(label)] < 0)
      outside(i, name, "label", label, "class");
    int64_t part = 0;
    if (!domains.order.empty()) {
      part = domain < 0 || domain >= static_cast<int64_t>(place.size()) ? -1 : place[static_cast<size_t>(domain)];
      if (part < 0 && domains.subset) continue;
      if (part < 0) outside(i, name, "domain", domain, "domain");
    }
    auto& cell = cells[static_cast<size_t>(part)][static_cast<size_t>(position[static_cast<size_t>(label)])];
    const int64_t limit = limits[static_cast<size_t>(label)];
    if (limit == 0 || static_cast<int64_t>(cell.size()) < limit) cell.push_back(static_cast<int64_t>(i));
  }
  return cells;
}

// Moves a share of a cell out of the training samples. The choice depends on class and domain alone, so that all methods, orders and seeds
// share it; both sides keep a sample where there are two.
std::vector<int64_t> hold_out(std::vector<int64_t>& train, int64_t original_class, int64_t original_domain, double fraction) {
  const auto n = static_cast<int64_t>(train.size());
  const auto wanted = static_cast<int64_t>(std::llround(fraction * static_cast<double>(n)));
  const auto count = n < 2 ? 0 : std::clamp<int64_t>(wanted, 1, n - 1);
  const auto order = permutation(Keys(0).number("validation", {original_class, original_domain}), n);
  std::vector<bool> out(train.size());
  for (int64_t k = 0; k < count; ++k) out[static_cast<size_t>(order[static_cast<size_t>(k)])] = true;
  std::vector<int64_t> held, rest;
  for (size_t i = 0; i < train.size(); ++i) (out[i] ? held : rest).push_back(train[i]);
  train = std::move(rest);
  return held;
}

Cells hold_out(Cells& train, const std::vector<int64_t>& class_order, const std::vector<int64_t>& domain_order, double fraction) {
  Cells held(train.size());
  for (size_t p = 0; p < train.size(); ++p)
    for (size_t c = 0; c < class_order.size(); ++c)
      held[p].push_back(hold_out(train[p][c], class_order[c], domain_order.empty() ? 0 : domain_order[p], fraction));
  return held;
}

// In a task-incremental stream always, in a stream of domains where the run is of a method that claims to need it (an oracle, whose rows
// stand in a section of their own).
bool tells_tasks(const base::RunSpec& spec) {
  const bool asked = spec.protocol.kind == "task" || (spec.method.capabilities & CLB_CAP_TASK_ID_TEST) != 0;
  return asked && spec.protocol.can_tell_tasks();
}

void append(std::vector<int64_t>& to, const std::vector<int64_t>& from) { to.insert(to.end(), from.begin(), from.end()); }

std::vector<int64_t> joined(const std::vector<std::vector<int64_t>>& by_class, const Range& classes) {
  std::vector<int64_t> samples;
  for (int64_t c = classes.first; c < classes.end; ++c) append(samples, by_class[static_cast<size_t>(c)]);
  return samples;
}

}  // namespace

Protocol::Protocol(const base::RunSpec& spec, const SplitIndex& train, const SplitIndex& test)
    : shape_(spec),
      class_order_(spec.protocol.class_order),
      task_ids_(tells_tasks(spec)),
      evaluates_test_(spec.protocol.evaluate_on == "test") {
  const size_t classes = class_order_.size();
  position_.assign(static_cast<size_t>(spec.dataset.class_count), -1);
  for (size_t p = 0; p < classes; ++p) position_[static_cast<size_t>(class_order_[p])] = static_cast<int64_t>(p);

  const bool by_domain = shape_.is_domain_stream();
  const Domains all, stream = by_domain ? Domains{spec.protocol.domain_order, !spec.protocol.domain_subset.empty()} : all;
  Cells trained = cells_of(train, "training", position_, classes, stream, train_limits(spec.dataset));
  // A fixed test set need not have the domains of the stream.
  const Cells evaluated = evaluates_test_
                              ? cells_of(test, "test", position_, classes, shape_.one_group() ? all : stream, test_limits(spec.dataset))
                              : hold_out(trained, class_order_, stream.order, spec.protocol.validation_fraction);
  part_of_.assign(train.labels.size(), -1);
  for (int64_t p = 0; p < shape_.parts(); ++p) {
    const Range own = shape_.part_classes(p);
    trained_.push_back(joined(trained[by_domain ? static_cast<size_t>(p) : 0], own));
    for (int64_t index : trained_.back()) part_of_[static_cast<size_t>(index)] = p;
    if (p >= shape_.groups()) continue;
    Group group{joined(evaluated[by_domain ? static_cast<size_t>(p) : 0], own), own.first, own.end};
    std::sort(group.samples.begin(), group.samples.end());
    groups_.push_back(std::move(group));
  }
}

int64_t Protocol::domain(int64_t task) const {
  if (shape_.is_domain_stream() || shape_.joint()) return task;
  return std::max<int64_t>(0, shape_.part_domain(shape_.task_parts(task).first));
}

std::vector<int64_t> Protocol::labels(int64_t task) const {
  const Range classes = shape_.task_classes(task);
  std::vector<int64_t> positions(static_cast<size_t>(classes.size()));
  std::iota(positions.begin(), positions.end(), classes.first);
  return positions;
}

std::vector<int64_t> Protocol::original_classes(int64_t task) const {
  auto classes = labels(task);
  for (auto& c : classes) c = original(c);
  return classes;
}

std::vector<int64_t> Protocol::train(int64_t task) const {
  const Range parts = shape_.task_parts(task);
  std::vector<int64_t> samples;
  for (int64_t p = parts.first; p < parts.end; ++p) append(samples, trained_[static_cast<size_t>(p)]);
  return samples;
}

std::vector<int64_t> Protocol::evaluated_groups(int64_t task) const {
  std::vector<int64_t> ids(static_cast<size_t>(shape_.evaluated_groups(task)));
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

std::vector<int64_t> Protocol::all_train() const {
  std::vector<int64_t> samples;
  for (int64_t p = 0; p < shape_.parts_to_run(); ++p) append(samples, trained_[static_cast<size_t>(p)]);
  std::sort(samples.begin(), samples.end());
  return samples;
}

std::vector<int64_t> Protocol::all_evaluated() const {
  std::vector<int64_t> samples;
  for (int64_t g : evaluated_groups(tasks_to_run() - 1)) append(samples, groups_[static_cast<size_t>(g)].samples);
  std::sort(samples.begin(), samples.end());
  return samples;
}

}  // namespace clb::stream
