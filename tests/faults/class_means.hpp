// Nearest class mean of frozen features, in float64: an honest method. The cheats beside it derive from it and differ in one thing each.
#pragma once

#include <clb/sdk/method.hpp>

class ClassMeans : public clb::Method {
 public:
  clb::Inputs inputs() const override { return clb::Inputs::features("main:cls"); }

  void train_task() override {
    const int64_t d = ctx().feature_dim("main:cls"), had = sums_.defined() ? sums_.size(0) : 0, more = task().classes_seen - had;
    const auto rows = [&](int64_t n, int64_t columns) { return torch::zeros({n, columns}, torch::kFloat64); };
    sums_ = had == 0 ? rows(more, d) : torch::cat({sums_, rows(more, d)});
    counts_ = had == 0 ? rows(more, 1) : torch::cat({counts_, rows(more, 1)});
    for (const clb::Batch& b : ctx().train().eval_view().images().features("main:cls").batches(16)) learn(b);
  }

  torch::Tensor predict(const clb::Batch& b) override { return nearest(b.features("main:cls"), means()); }

  void state(clb::Archive& a) override { a("sums", sums_)("counts", counts_); }

 protected:
  virtual void learn(const clb::Batch& b) {
    sums_.index_add_(0, b.labels, b.features("main:cls").to(torch::kFloat64));
    counts_.index_add_(0, b.labels, torch::ones({b.n, 1}, counts_.options()));
  }
  torch::Tensor means() const { return sums_ / counts_.clamp_min(1); }
  static torch::Tensor nearest(const torch::Tensor& x, const torch::Tensor& means) {  // [n, d] and [c, d] to [n, c]
    const auto wide = means.to(torch::kFloat64);
    return (x.to(torch::kFloat64).matmul(wide.t()) - wide.square().sum(1) / 2).to(torch::kFloat32);
  }

  torch::Tensor sums_, counts_;
};
