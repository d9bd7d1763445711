#include "clb/nn/injection.hpp"

namespace clb::nn {

using torch::Tensor;

namespace {

Tensor sum(const Tensor& a, const Tensor& b) { return !a.defined() ? b : !b.defined() ? a : a + b; }

}  // namespace

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
