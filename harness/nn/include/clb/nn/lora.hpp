// LoRA: a low-rank delta on rows of the frozen qkv projection (Hu et al., ICLR 2022), W + s B A, computed beside it as s B (A x).
#pragma once

#include <clb/nn/injection.hpp>
#include <clb/nn/rng.hpp>
#include <clb/nn/vit.hpp>
#include <string>

namespace clb::nn {

struct LoraOptions {
  std::vector<int64_t> blocks = {};  // which blocks have one
  std::string parts = "kv";          // which of the projections q, k, v
  int64_t rank = 5;
  bool scales = true;  // s is learned, 1 at first (LAE); else s = 1
};

// A: uniform within 1/sqrt(d); B: zero, so that a fresh delta changes nothing.
class Lora final : public Injection {
 public:
  Lora(const VitShape& vit, const LoraOptions& options, const Rng& rng);

  torch::Tensor at(Site site, int64_t block, const torch::Tensor& x, const torch::Tensor& y) const override;
  void parameters(const ParameterVisitor& visit) override;  // "<block>.k.a", "<block>.k.b", "<block>.k.scale", ...

 private:
  struct Delta {
    torch::Tensor a, b, scale;  // [rank, d], [d, rank], [1]
  };
  LoraOptions options_;
  std::vector<std::vector<Delta>> deltas_;  // [which of the blocks][which of the parts]
};

}  // namespace clb::nn
