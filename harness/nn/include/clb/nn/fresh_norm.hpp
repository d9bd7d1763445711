// A new norm with torch's eps (a network's is 1e-6) in place of a network's pre-trained final one, as SLCA's released code has it.
#pragma once

#include <clb/nn/injection.hpp>
#include <clb/nn/layer_norm.hpp>

namespace clb::nn {

class FreshNorm final : public Injection {
 public:
  FreshNorm() = default;
  explicit FreshNorm(int64_t dim) : norm_(dim) {}

  InjectionSlices split(const std::vector<int64_t>& counts) const override { return alike(counts); }
  bool by_token() const override { return true; }
  torch::Tensor at(Site site, int64_t, const torch::Tensor& x, const torch::Tensor& y) const override {
    return site == Site::kNorm ? norm_(x) : y;
  }

 private:
  void parts(Parts& p) override { p("", norm_); }
  LayerNorm norm_;
};

}  // namespace clb::nn
