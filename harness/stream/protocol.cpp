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

// `limit`: the first so many of each cell (0: all).
Cells cells_of(const SplitIndex& split, const char* name, const std::vector<int64_t>& position, size_t classes,
               const std::vector<int64_t>& domain_order, int64_t limit) {
  const auto place = places(domain_order);
  Cells cells(std::max<size_t>(1, domain_order.size()), std::vector<std::vector<int64_t>>(classes));
  for (size_t i = 0; i < split.labels.size(); ++i) {
    const int64_t label = split.labels[i], domain = split.domains.empty() ? 0 : split.domains[i];
    if (label < 0 || label >= static_cast<int64_t>(position.size()) || position[static_cast<size_t>(label)] < 0)
      outside(i, name, "label", label, "class");
    int64_t part = 0;
    if (!domain_order.empty()) {
      if (domain < 0 || domain >= static_cast<int64_t>(place.size()) || place[static_cast<size_t>(domain)] < 0)
        outside(i, name, "domain", domain, "domain");
      part = place[static_cast<size_t>(domain)];
    }
    auto& cell = cells[static_cast<size_t>(part)][static_cast<size_t>(position[static_cast<size_t>(label)])];
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

void append(std::vector<int64_t>& to, const std::vector<int64_t>& from) { to.insert(to.end(), from.begin(), from.end()); }

std::vector<int64_t> joined(const std::vector<std::vector<int64_t>>& by_class, int64_t first, int64_t end) {
  std::vector<int64_t> samples;
  for (int64_t c = first; c < end; ++c) append(samples, by_class[static_cast<size_t>(c)]);
  return samples;
}

}  // namespace

Protocol::Protocol(const base::RunSpec& spec, const SplitIndex& train, const SplitIndex& test)
    : class_order_(spec.protocol.class_order),
      domain_stream_(spec.protocol.kind == "domain"),
      joint_(spec.protocol.joint),
      task_ids_(spec.protocol.kind == "task"),
      evaluates_test_(spec.protocol.evaluate_on == "test"),
      eval_on_(spec.protocol.eval_on) {
  const size_t classes = class_order_.size();
  position_.assign(static_cast<size_t>(spec.dataset.class_count), -1);
  for (size_t p = 0; p < classes; ++p) position_[static_cast<size_t>(class_order_[p])] = static_cast<int64_t>(p);
  make_parts(spec.protocol);

  // A fixed test set need not have the domains of the stream.
  const std::vector<int64_t> domains = domain_stream_ ? spec.protocol.domain_order : std::vector<int64_t>{}, none;
  Cells trained = cells_of(train, "training", position_, classes, domains, spec.dataset.train_per_class);
  const Cells evaluated =
      evaluates_test_ ? cells_of(test, "test", position_, classes, eval_on_ == "fixed" ? none : domains, spec.dataset.test_per_class)
                      : hold_out(trained, class_order_, domains, spec.protocol.validation_fraction);
  part_of_.assign(train.labels.size(), -1);
  for (size_t p = 0; p < parts_.size(); ++p) {
    Part& part = parts_[p];
    part.train = joined(trained[domain_stream_ ? p : 0], part.first, part.end);
    for (int64_t index : part.train) part_of_[static_cast<size_t>(index)] = static_cast<int64_t>(p);
    if (eval_on_ == "fixed" && p > 0) continue;  // the one group has been made
    auto& group = groups_.emplace_back(Group{{}, part.first, part.end});
    group.samples = joined(evaluated[domain_stream_ ? p : 0], part.first, part.end);
    std::sort(group.samples.begin(), group.samples.end());
  }
}

void Protocol::make_parts(const base::ProtocolSpec& spec) {
  int64_t first = 0;
  for (int64_t size : spec.task_sizes) {
    parts_.push_back({domain_stream_ ? 0 : first, (domain_stream_ ? 0 : first) + size, {}});
    first += size;
  }
  const auto parts = static_cast<int64_t>(parts_.size());
  parts_to_run_ = spec.stop_after > 0 ? std::min(spec.stop_after, parts) : parts;
}

std::vector<int64_t> Protocol::labels(int64_t task) const {
  const int64_t first = joint_ ? 0 : parts_[static_cast<size_t>(task)].first;
  std::vector<int64_t> positions(static_cast<size_t>(classes_seen(task) - first));
  std::iota(positions.begin(), positions.end(), first);
  return positions;
}

std::vector<int64_t> Protocol::original_classes(int64_t task) const {
  auto classes = labels(task);
  for (auto& c : classes) c = original(c);
  return classes;
}

std::vector<int64_t> Protocol::train(int64_t task) const {
  if (!joint_) return parts_[static_cast<size_t>(task)].train;
  std::vector<int64_t> samples;
  for (int64_t p = 0; p < parts_to_run_; ++p) append(samples, parts_[static_cast<size_t>(p)].train);
  return samples;
}

std::vector<int64_t> Protocol::evaluated_groups(int64_t task) const {
  int64_t count = joint_ ? parts_to_run_ : task + 1;
  if (eval_on_ == "all") count = parts_to_run_;
  if (eval_on_ == "fixed") count = 1;
  std::vector<int64_t> ids(static_cast<size_t>(count));
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

std::vector<int64_t> Protocol::all_train() const {
  std::vector<int64_t> samples;
  for (int64_t p = 0; p < parts_to_run_; ++p) append(samples, parts_[static_cast<size_t>(p)].train);
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
