// What tells the class of an image, and so its task, from its feature without prompts (HiDe-Prompt, Wang et al., NeurIPS 2023): a residual
// MLP with a norm behind it, and a head. The norm has torch's eps, 1e-5; the network's is 1e-6.
#pragma once

#include <clb/nn/heads.hpp>
#include <clb/nn/layer_norm.hpp>
#include <clb/nn/mlp.hpp>
#include <vector>

namespace clb::nn {

class TaskInference final : public Module {
 public:
  TaskInference() = default;
  TaskInference(int64_t dim, const Rng& rng);  // trained, with a head of no class

  void grow(int64_t classes) { head_.grow(classes); }
  torch::Tensor mapped(const torch::Tensor& feature) const { return norm_(mlp_(feature) + feature); }  // [n, d] -> [n, d]
  torch::Tensor operator()(const torch::Tensor& feature) const { return head_(mapped(feature)); }      // [n, classes]

 private:
  void parts(Parts& p) override { p("mlp", mlp_)("mlp.norm", norm_)("head", head_); }

  Mlp mlp_;
  LayerNorm norm_;
  GrowingLinear head_;
};

// The task that each class came in.
class ClassTasks {
 public:
  // Throws Error (invalid) where a class has come before: a task that is told by the class of an image has classes of its own.
  void claim(int64_t task, const std::vector<int64_t>& labels);

  int64_t classes() const { return static_cast<int64_t>(tasks_.size()); }
  torch::Tensor of(const torch::Tensor& classes) const;  // [n] int64 -> [n] int64

  std::vector<int64_t>& tasks() { return tasks_; }  // of each class, -1: not seen; for whoever saves them

 private:
  std::vector<int64_t> tasks_;
};

}  // namespace clb::nn
