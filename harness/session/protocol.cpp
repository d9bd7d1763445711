#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/session/keys.hpp>
#include <clb/session/protocol.hpp>
#include <cmath>
#include <numeric>

namespace clb::session {
namespace {

using base::Error;

// Indices of each class (by position) in index order, the first `limit` of them (0: all).
std::vector<std::vector<int64_t>> by_class(std::span<const int64_t> labels, const std::vector<int64_t>& position, int64_t classes,
                                           int64_t limit, const char* split) {
  std::vector<std::vector<int64_t>> indices(static_cast<size_t>(classes));
  for (size_t i = 0; i < labels.size(); ++i) {
    const int64_t label = labels[i];
    if (label < 0 || label >= static_cast<int64_t>(position.size()) || position[static_cast<size_t>(label)] < 0)
      throw Error("sample " + std::to_string(i) + " of the " + split + " split has label " + std::to_string(label) +
                  ", which the class order does not hold");
    auto& list = indices[static_cast<size_t>(position[static_cast<size_t>(label)])];
    if (limit == 0 || static_cast<int64_t>(list.size()) < limit) list.push_back(static_cast<int64_t>(i));
  }
  return indices;
}

// Moves a part of each class out of the training samples. The choice depends on the class alone, so that all methods, orders and seeds
// share it.
std::vector<std::vector<int64_t>> hold_out(std::vector<std::vector<int64_t>>& train, const std::vector<int64_t>& class_order,
                                           double fraction) {
  const Keys keys(0);
  std::vector<std::vector<int64_t>> held(train.size());
  for (size_t c = 0; c < train.size(); ++c) {
    const auto n = static_cast<int64_t>(train[c].size());
    const auto wanted = static_cast<int64_t>(std::llround(fraction * static_cast<double>(n)));
    const auto count = n < 2 ? 0 : std::clamp<int64_t>(wanted, 1, n - 1);  // both sides keep a sample
    const auto order = permutation(keys.number("validation", {class_order[c]}), n);
    std::vector<bool> out(static_cast<size_t>(n));
    for (int64_t k = 0; k < count; ++k) out[static_cast<size_t>(order[static_cast<size_t>(k)])] = true;
    std::vector<int64_t> rest;
    for (size_t i = 0; i < train[c].size(); ++i) (out[i] ? held[c] : rest).push_back(train[c][i]);
    train[c] = std::move(rest);
  }
  return held;
}

}  // namespace

Protocol::Protocol(const base::RunSpec& spec, std::span<const int64_t> train_labels, std::span<const int64_t> test_labels)
    : class_order_(spec.protocol.class_order), evaluates_test_(spec.protocol.evaluate_on == "test") {
  const auto classes = static_cast<int64_t>(class_order_.size());
  position_.assign(static_cast<size_t>(spec.dataset.class_count), -1);
  for (int64_t p = 0; p < classes; ++p) {
    const int64_t original = class_order_[static_cast<size_t>(p)];
    if (original < 0 || original >= spec.dataset.class_count || position_[static_cast<size_t>(original)] >= 0)
      throw Error("protocol.class_order is no permutation of the dataset's " + std::to_string(spec.dataset.class_count) + " classes");
    position_[static_cast<size_t>(original)] = p;
  }
  first_.push_back(0);
  for (int64_t size : spec.protocol.task_sizes) first_.push_back(first_.back() + size);
  if (first_.back() != classes)
    throw Error("protocol.task_sizes sum to " + std::to_string(first_.back()) + ", the class order holds " + std::to_string(classes));
  tasks_to_run_ = spec.protocol.stop_after > 0 ? std::min(spec.protocol.stop_after, task_count()) : task_count();

  auto train = by_class(train_labels, position_, classes, spec.dataset.train_per_class, "training");
  const auto evaluated = evaluates_test_ ? by_class(test_labels, position_, classes, spec.dataset.test_per_class, "test")
                                         : hold_out(train, class_order_, spec.protocol.validation_fraction);
  for (int64_t t = 0; t < task_count(); ++t) {
    auto& own_train = train_.emplace_back();
    auto& own_eval = evaluated_.emplace_back();
    for (int64_t p = first_[static_cast<size_t>(t)]; p < classes_seen(t); ++p) {
      own_train.insert(own_train.end(), train[static_cast<size_t>(p)].begin(), train[static_cast<size_t>(p)].end());
      own_eval.insert(own_eval.end(), evaluated[static_cast<size_t>(p)].begin(), evaluated[static_cast<size_t>(p)].end());
    }
    std::sort(own_eval.begin(), own_eval.end());
  }
}

std::vector<int64_t> Protocol::labels(int64_t task) const {
  std::vector<int64_t> positions(static_cast<size_t>(classes_seen(task) - first_[static_cast<size_t>(task)]));
  std::iota(positions.begin(), positions.end(), first_[static_cast<size_t>(task)]);
  return positions;
}

std::vector<int64_t> Protocol::original_classes(int64_t task) const {
  auto classes = labels(task);
  for (auto& c : classes) c = original(c);
  return classes;
}

int64_t Protocol::task_of(int64_t position) const { return std::upper_bound(first_.begin(), first_.end(), position) - first_.begin() - 1; }

}  // namespace clb::session
