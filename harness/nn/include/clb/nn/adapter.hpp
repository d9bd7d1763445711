// Bottleneck adapters beside a branch of the block: AdaptFormer (Chen et al., NeurIPS 2022), as APER, EASE and RanPAC use it, and the one
// of LAE (Gao et al., ICCV 2023).
#pragma once

#include <clb/nn/injection.hpp>
#include <clb/nn/linear.hpp>
#include <clb/nn/list.hpp>
#include <functional>

namespace clb::nn {

enum class AdapterKind {
  kAdaptFormer,  // x + mlp(norm2 x) + scale * up(dropout(relu(down x))), on the branch's un-normalised input
  kLae,          // x + attention(norm1 x) + s * up(gelu(down(norm1 x))), s learned, 1 at first
};

struct AdapterOptions {
  AdapterKind kind = AdapterKind::kAdaptFormer;
  std::vector<int64_t> blocks = {};  // which blocks have one; empty: all
  int64_t bottleneck = 64;
  double scale = 0.1;    // kAdaptFormer
  double dropout = 0.1;  // kAdaptFormer, in training mode only
};

// down: uniform within 1/sqrt(d); up and both biases: zero, so that a fresh adapter changes nothing.
class Adapter final : public Injection {
 public:
  Adapter(const BlocksShape& network, const AdapterOptions& options, const Rng& rng);

  InjectionSlices split(const std::vector<int64_t>& counts) const override;
  bool by_token() const override { return !drops(); }
  int64_t begins_at() const override { return first_of(options_.blocks); }
  bool changes_operations() const override { return false; }
  torch::Tensor beside_attention(int64_t block, const torch::Tensor& x, const torch::Tensor& normed) const override;
  torch::Tensor beside_mlp(int64_t block, const torch::Tensor& x, const torch::Tensor& normed) const override;
  // The same with another dropout of the hidden units [n, t, bottleneck].
  torch::Tensor beside_mlp(int64_t block, const torch::Tensor& x,
                           const std::function<torch::Tensor(const torch::Tensor& hidden)>& dropped) const;
  void train(bool on) override { training_ = on; }

 private:
  struct Layer final : Module {
    void parts(Parts& p) override { p("down", down)("up", up)("scale", scale); }
    Linear down, up;      // [bottleneck, d], [d, bottleneck]
    torch::Tensor scale;  // [1], kLae
  };
  bool drops() const { return options_.kind == AdapterKind::kAdaptFormer && training_ && options_.dropout > 0; }
  void parts(Parts& p) override { p("", layers_); }  // "<block>.down.weight", "<block>.down.bias", "<block>.up...", "<block>.scale"

  AdapterOptions options_;
  AtBlocks<Layer> layers_;
  bool training_ = false;
};

}  // namespace clb::nn
