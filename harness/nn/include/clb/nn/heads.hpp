// Classifiers over features. Both grow with the classes seen, keep the rows of old classes, compute in float32 and give float32 logits.
// Row c of a fresh head is drawn from (name, c) alone: it does not matter in how many steps a head grew.
#pragma once

#include <clb/nn/module.hpp>
#include <clb/nn/rng.hpp>

namespace clb::nn {

// How a new row of a head starts.
struct HeadInit {
  static HeadInit zero() { return {}; }
  static HeadInit torch_linear() { return {.kind = kUniform, .weight = 1, .bias = 1}; }                     // torch.nn.Linear
  static HeadInit kaiming_linear() { return {.kind = kUniform, .weight = 1.7320508075688772, .bias = 0}; }  // PILOT's SimpleLinear
  static HeadInit normal(double deviation) { return {.kind = kNormal, .weight = deviation, .bias = 0}; }    // timm 0.02, LAE 0.001

  enum Kind { kZero, kUniform, kNormal } kind = kZero;
  double weight = 0, bias = 0;  // uniform: the bounds times sqrt(d); normal: the deviation of the weights
};

struct LinearHeadOptions {
  int64_t dim = 0;
  HeadInit init = HeadInit::normal(0.02);
};

// logits = features W^T + b.
class GrowingLinear final : public Module {
 public:
  GrowingLinear() = default;
  GrowingLinear(const LinearHeadOptions& options, Rng rng);

  void grow(int64_t classes);  // to this many rows, on the device of the old ones; never fewer than before
  int64_t classes() const { return weight_.size(0); }

  torch::Tensor operator()(const torch::Tensor& features) const;  // [n, d] -> [n, classes]

 private:
  void parts(Parts& p) override { p("weight", weight_)("bias", bias_); }  // [classes, d], [classes]

  LinearHeadOptions options_;
  Rng rng_;
  torch::Tensor weight_, bias_;
};

struct CosineHeadOptions {
  int64_t dim = 0;
  double sigma = 1;
  bool learn_sigma = true;
  HeadInit init = HeadInit::torch_linear();  // of weights; there is no bias
};

// logits = sigma * cos(features, W); a row of zeros gives 0. Norms are clamped at 1e-12.
class CosineHead final : public Module {
 public:
  CosineHead() = default;
  CosineHead(const CosineHeadOptions& options, Rng rng);

  void grow(int64_t classes);
  int64_t classes() const { return weight_.size(0); }

  torch::Tensor operator()(const torch::Tensor& features) const;  // [n, d] -> [n, classes]

 private:
  void parts(Parts& p) override { p("weight", weight_)("sigma", sigma_); }  // [classes, d], and [1] where it is learned

  CosineHeadOptions options_;
  Rng rng_;
  torch::Tensor weight_, sigma_;
};

}  // namespace clb::nn
