// Several modules of one kind as one module: numbered from 0 (the heads of tasks, the blocks of a network), or one for some of a network's
// blocks (what is hung into them).
#pragma once

#include <algorithm>
#include <clb/nn/module.hpp>
#include <utility>

namespace clb::nn {

// Parameters are named "0.<name>", "1.<name>", ...
template <class M>
class List final : public Module {
 public:
  List() = default;
  explicit List(std::vector<M> items) : items_(std::move(items)) {}

  M& add(M item) { return items_.emplace_back(std::move(item)); }
  void clear() { items_.clear(); }

  int64_t size() const { return static_cast<int64_t>(items_.size()); }
  bool empty() const { return items_.empty(); }
  M& operator[](int64_t i) { return items_[static_cast<size_t>(i)]; }
  const M& operator[](int64_t i) const { return items_[static_cast<size_t>(i)]; }
  M& back() { return items_.back(); }
  auto begin() { return items_.begin(); }
  auto end() { return items_.end(); }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  std::vector<M>& items() { return items_; }  // for whoever saves a list whose length it does not know

 private:
  void parts(Parts& p) override {
    for (size_t i = 0; i < items_.size(); ++i) p(std::to_string(i), items_[i]);
  }
  std::vector<M> items_;
};

// Parameters are named "<block>.<name>", in the order in which blocks were added.
template <class M>
class AtBlocks final : public Module {
 public:
  M& add(int64_t block, M item) { return items_.emplace_back(block, std::move(item)).second; }

  // nullptr: this block has none.
  const M* find(int64_t block) const {
    for (const auto& [at, item] : items_)
      if (at == block) return &item;
    return nullptr;
  }

 private:
  void parts(Parts& p) override {
    for (auto& [block, item] : items_) p(std::to_string(block), item);
  }
  std::vector<std::pair<int64_t, M>> items_;
};

// Of modules that stand for consecutive classes, classes(m) each (heads of tasks), those learn from now on that one of `labels` belongs to;
// the others stand still. Returns how many classes there are in all.
template <class M, class Classes>
int64_t train_those_of(const std::vector<int64_t>& labels, List<M>& modules, Classes classes) {
  int64_t first = 0;
  for (M& module : modules) {
    const int64_t behind = first + classes(module);
    const bool own = std::any_of(labels.begin(), labels.end(), [&](int64_t label) { return first <= label && label < behind; });
    own ? unfreeze(module) : freeze(module);
    first = behind;
  }
  return first;
}

}  // namespace clb::nn
