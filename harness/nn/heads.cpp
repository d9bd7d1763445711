#include "clb/nn/heads.hpp"

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

}  // namespace clb::nn
