// Two products with an activation between them: the MLP of a transformer's block.
#pragma once

#include <clb/nn/linear.hpp>

namespace clb::nn {

enum class Activation {
  kGelu,       // exact: x Phi(x); timm, OpenCLIP's weights of LAION
  kQuickGelu,  // x sigmoid(1.702 x); OpenAI's CLIP
};

torch::Tensor activate(Activation activation, const torch::Tensor& x);

// "fc1.weight" [hidden, d], "fc1.bias", "fc2.weight" [d, hidden], "fc2.bias".
struct Mlp final : Module {
  Mlp() = default;
  Mlp(Linear fc1, Linear fc2, Activation activation = Activation::kGelu)
      : fc1(std::move(fc1)), fc2(std::move(fc2)), activation(activation) {}

  torch::Tensor operator()(const torch::Tensor& x) const;                          // [..., d] -> [..., d]
  torch::Tensor add_to(const torch::Tensor& other, const torch::Tensor& x) const;  // other + what it gives for x
  torch::Tensor hidden(const torch::Tensor& x) const;                              // [..., hidden], behind the activation

  Linear fc1, fc2;
  Activation activation = Activation::kGelu;

 private:
  void parts(Parts& p) override { p("fc1", fc1)("fc2", fc2); }
};

}  // namespace clb::nn
