#include "clb/nn/heads.hpp"

#include <algorithm>
#include <clb/nn/error.hpp>
#include <clb/nn/tensors.hpp>
#include <cmath>
#include <string>

namespace clb::nn {
namespace {

using torch::Tensor;

Tensor draw(torch::IntArrayRef sizes, HeadInit::Kind kind, double size, const Rng& rng, const std::string& name) {
  if (kind == HeadInit::kZero || size == 0) return torch::zeros(sizes);
  return kind == HeadInit::kUniform ? uniform(sizes, -size, size, rng(name)) : normal(sizes, 0, size, rng(name));
}

double in_root(const HeadInit& init, double factor, int64_t dim) {
  return init.kind == HeadInit::kUniform ? factor / std::sqrt(static_cast<double>(dim)) : factor;
}

// `old` with rows up to `classes` drawn behind it.
Tensor grown(const Tensor& old, int64_t classes, const std::function<Tensor(const std::string& row)>& draw_row) {
  const int64_t have = old.size(0);
  if (classes < have) {
    throw Error(ErrorKind::kInternal, "a head of " + std::to_string(have) + " classes cannot shrink to " + std::to_string(classes));
  }
  if (classes == have) return old;
  std::vector<Tensor> rows;
  for (int64_t c = have; c < classes; ++c) rows.push_back(draw_row(std::to_string(c)));
  return at::cat({old.detach(), at::stack(rows).to(old.device())}).requires_grad_();
}

}  // namespace

GrowingLinear::GrowingLinear(const LinearHeadOptions& options, Rng rng)
    : options_(options),
      rng_(std::move(rng)),
      weight_(torch::zeros({0, options.dim}).requires_grad_()),
      bias_(torch::zeros(0).requires_grad_()) {}

void GrowingLinear::grow(int64_t classes) {
  const HeadInit& init = options_.init;
  weight_ = grown(weight_, classes, [&](const std::string& row) {
    return draw({options_.dim}, init.kind, in_root(init, init.weight, options_.dim), rng_, "weight." + row);
  });
  bias_ = grown(bias_, classes,
                [&](const std::string& row) { return draw({}, init.kind, in_root(init, init.bias, options_.dim), rng_, "bias." + row); });
}

Tensor GrowingLinear::operator()(const Tensor& features) const { return at::linear(features.to(torch::kFloat32), weight_, bias_); }

void GrowingLinear::take_over(const GrowingLinear& from, const std::vector<int64_t>& labels) {
  std::vector<int64_t> kept;
  for (int64_t c = 0; c < classes(); ++c)
    if (std::find(labels.begin(), labels.end(), c) == labels.end()) kept.push_back(c);
  const auto merged = [&](const Tensor& own, const Tensor& theirs) {
    const Tensor rows = torch::tensor(kept, torch::dtype(torch::kInt64).device(theirs.device()));
    return theirs.detach().clone().index_copy_(0, rows, own.detach().to(theirs.device()).index_select(0, rows));
  };
  weight_ = merged(weight_, from.weight_);
  bias_ = merged(bias_, from.bias_);
}

CosineHead::CosineHead(const CosineHeadOptions& options, Rng rng)
    : options_(options),
      rng_(std::move(rng)),
      weight_(torch::zeros({0, options.dim}).requires_grad_()),
      sigma_(options.learn_sigma ? torch::full(1, options.sigma).requires_grad_() : Tensor()) {}

void CosineHead::grow(int64_t classes) {
  const HeadInit& init = options_.init;
  weight_ = grown(weight_, classes, [&](const std::string& row) {
    return draw({options_.dim}, init.kind, in_root(init, init.weight, options_.dim), rng_, "weight." + row);
  });
}

Tensor CosineHead::operator()(const Tensor& features) const {
  const Tensor cosines = at::matmul(unit_rows(features.to(torch::kFloat32)), unit_rows(weight_).t());
  return options_.learn_sigma ? sigma_ * cosines : options_.sigma * cosines;
}

Tensor joined_proxies(const Tensor& logits, int64_t proxies) {
  const Tensor of_class = logits.unflatten(1, {-1, proxies});
  return (of_class.softmax(2) * of_class).sum(2);
}

Tensor joined_logits(const List<GrowingLinear>& heads, const Tensor& features) {
  std::vector<Tensor> parts;
  for (const GrowingLinear& head : heads) parts.push_back(head(features));
  return at::cat(parts, 1);
}

std::vector<int64_t> classes_of(const List<GrowingLinear>& heads) {
  std::vector<int64_t> classes;
  for (const GrowingLinear& head : heads) classes.push_back(head.classes());
  return classes;
}

}  // namespace clb::nn
