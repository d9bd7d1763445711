// Classifiers over features, and several rows or several heads as one. Both grow with the classes seen, keep the rows of old classes,
// compute in float32 and give float32 logits. Row c of a fresh head is drawn from (name, c) alone: it does not matter in how many steps a
// head grew.
#pragma once

#include <clb/nn/list.hpp>
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

  // The rows of `from`, which has as many at least, but for those that are here already and not among `labels`. Frozen.
  void take_over(const GrowingLinear& from, const std::vector<int64_t>& labels);

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

// [n, classes] of logits with `proxies` columns for each class, side by side: their sum, weighted by their softmax (APG, Tang et al., ICCV
// 2023).
torch::Tensor joined_proxies(const torch::Tensor& logits, int64_t proxies);

// A head for each task: their logits side by side, [n, d] -> [n, classes of all], and how many classes each has.
torch::Tensor joined_logits(const List<GrowingLinear>& heads, const torch::Tensor& features);
std::vector<int64_t> classes_of(const List<GrowingLinear>& heads);

}  // namespace clb::nn
