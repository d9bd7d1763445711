#include "clb/nn/injection.hpp"

#include <algorithm>
#include <limits>

namespace clb::nn {

using torch::Tensor;

namespace {

Tensor sum(const Tensor& a, const Tensor& b) { return !a.defined() ? b : !b.defined() ? a : a + b; }

}  // namespace

InjectionSlices Together::split(const std::vector<int64_t>& counts) const {
  std::vector<std::shared_ptr<Together>> slices;
  for (size_t k = 0; k < counts.size(); ++k) slices.push_back(std::make_shared<Together>(std::vector<Injection*>()));
  for (const Injection* part : parts_) {
    const InjectionSlices of_part = part->split(counts);
    if (of_part.empty()) return {};
    for (size_t k = 0; k < counts.size(); ++k) {
      slices[k]->owned_.push_back(of_part[k]);
      slices[k]->parts_.push_back(const_cast<Injection*>(of_part[k].get()));  // a slice's hooks alone are called, which are const
    }
  }
  return {slices.begin(), slices.end()};
}

int64_t first_of(const std::vector<int64_t>& blocks) {
  return blocks.empty() ? std::numeric_limits<int64_t>::max() : *std::ranges::min_element(blocks);
}

std::vector<Tensor> split_rows(const Tensor& rows, const std::vector<int64_t>& counts, int64_t dims) {
  if (!rows.defined() || rows.dim() < dims || rows.size(0) == 1) return std::vector<Tensor>(counts.size(), rows);
  std::vector<Tensor> groups;  // each with a node of its own in the graph, since slices pass through it at the same time
  for (int64_t first = 0; const int64_t count : counts) {
    groups.push_back(rows.narrow(0, first, count));
    first += count;
  }
  return groups;
}

bool Together::by_token() const {
  return std::ranges::all_of(parts_, [](const Injection* part) { return part->by_token(); });
}

int64_t Together::begins_at() const {
  int64_t first = std::numeric_limits<int64_t>::max();
  for (const Injection* part : parts_) first = std::min(first, part->begins_at());
  return first;
}

Tensor Together::embedded(const Tensor& x) const {
  Tensor result = x;
  for (const Injection* part : parts_) result = part->embedded(result);
  return result;
}

Tensor Together::before_block(int64_t block, const Tensor& x) const {
  Tensor result = x;
  for (const Injection* part : parts_) result = part->before_block(block, result);
  return result;
}

Tensor Together::after_block(int64_t block, const Tensor& x) const {
  Tensor result = x;
  for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) result = (*part)->after_block(block, result);
  return result;
}

Tensor Together::at(Site site, int64_t block, const Tensor& x, const Tensor& y) const {
  Tensor result = y;
  for (const Injection* part : parts_) result = part->at(site, block, x, result);
  return result;
}

bool Together::changes_operations() const {
  return std::ranges::any_of(parts_, [](const Injection* part) { return part->changes_operations(); });
}

void Together::keys_values(int64_t block, const Tensor& x, KeysValues& rows) const {
  for (const Injection* part : parts_) part->keys_values(block, x, rows);
}

bool Together::changes_attention(int64_t block) const {
  for (const Injection* part : parts_) {
    if (part->changes_attention(block)) return true;
  }
  return false;
}

Tensor Together::attention_weights(int64_t block, const Tensor& weights) const {
  Tensor result = weights;
  for (const Injection* part : parts_) {
    if (part->changes_attention(block)) result = part->attention_weights(block, result);
  }
  return result;
}

Tensor Together::beside_attention(int64_t block, const Tensor& x, const Tensor& normed) const {
  Tensor result;
  for (const Injection* part : parts_) result = sum(result, part->beside_attention(block, x, normed));
  return result;
}

Tensor Together::beside_mlp(int64_t block, const Tensor& x, const Tensor& normed) const {
  Tensor result;
  for (const Injection* part : parts_) result = sum(result, part->beside_mlp(block, x, normed));
  return result;
}

void Together::parts(Parts& p) {
  for (size_t k = 0; k < parts_.size(); ++k) p(std::to_string(k), *parts_[k]);
}

}  // namespace clb::nn
