// Decides for each sample whether a second expert is asked beside the first (PromptFusion-Lite, Chen et al., ECCV 2024): two linear layers
// with a tanh between them on the first expert's feature, and a choice that is drawn by a Gumbel softmax.
#pragma once

#include <clb/nn/linear.hpp>

namespace clb::nn {

struct ExpertGateOptions {
  int64_t hidden = 100;
  double temperature = 3;     // of the Gumbel softmax
  double rate = 0.4;          // part of the samples for which the expert should be asked (gamma)
  double rate_weight = 0.3;   // of the squared distance to it in the penalty (Lambda)
  double drift_weight = 0.1;  // of holding the gate to that of the task before (Delta)
  bool teacher_tanh = false;  // the gate of the task before has its tanh; the released code's copy has none
};

class ExpertGate final : public Module {
 public:
  ExpertGate() = default;
  ExpertGate(int64_t dim, const ExpertGateOptions& options, const Rng& rng);

  torch::Tensor operator()(const torch::Tensor& x) const { return fc2(fc1(x).tanh()); }  // [n, d] -> [n, 2]: ask, do not ask
  torch::Tensor as_teacher(const torch::Tensor& x) const { return options_.teacher_tanh ? (*this)(x) : fc2(fc1(x)); }

  // Choices [n, 2], 1 in one column and 0 in the other: the larger of the logits, or one drawn, whose gradient is that of soft().
  static torch::Tensor likelier(const torch::Tensor& logits);
  torch::Tensor drawn(const torch::Tensor& logits, torch::Generator generator) const;
  torch::Tensor soft(const torch::Tensor& logits, const torch::Tensor& u) const;  // u [n, 2] uniform in [0, 1)

  // (The part of the samples that ask - rate)^2.
  torch::Tensor rate_error(const torch::Tensor& choice) const;
  // What is added to the loss. logits: of the gate for x; before: the gate of the task before, or nullptr.
  torch::Tensor penalty(const torch::Tensor& x, const torch::Tensor& logits, const torch::Tensor& choice, const ExpertGate* before) const;

  Linear fc1, fc2;

 private:
  void parts(Parts& p) override { p("fc1", fc1)("fc2", fc2); }
  ExpertGateOptions options_;
};

// KL(softmax(teacher / 2) || softmax(gate / 2)), the mean over rows of [n, 2] logits each, without a factor 4.
torch::Tensor gate_drift(const torch::Tensor& teacher, const torch::Tensor& gate);

// [n, c]: the sum of both experts' logits where column 0 of the choice is 1, those of the first elsewhere.
torch::Tensor gated(const torch::Tensor& first, const torch::Tensor& second, const torch::Tensor& choice);

}  // namespace clb::nn
