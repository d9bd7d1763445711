#include "clb/nn/lora.hpp"

#include <algorithm>
#include <clb/nn/linear.hpp>

namespace clb::nn {

using torch::Tensor;

Lora::Lora(const VitShape& vit, const LoraOptions& options, const Rng& rng) : options_(options) {
  for (const int64_t block : options.blocks) {
    auto& deltas = deltas_.emplace_back();
    for (const char part : options.parts) {
      const std::string name = std::to_string(block) + "." + part + ".a";
      deltas.push_back({linear_weight(options.rank, vit.dim, rng(name)), torch::zeros({vit.dim, options.rank}),
                        options.scales ? torch::ones(1) : Tensor()});
    }
  }
  unfreeze(*this);
}

Tensor Lora::at(Site site, int64_t block, const Tensor& x, const Tensor& y) const {
  const auto found = std::find(options_.blocks.begin(), options_.blocks.end(), block);
  if (site != Site::kQkv || found == options_.blocks.end()) return y;
  const auto& deltas = deltas_[found - options_.blocks.begin()];
  std::vector<Tensor> thirds = y.chunk(3, -1);  // q, k, v [n, t, d]
  for (size_t k = 0; k < deltas.size(); ++k) {
    const Tensor b = options_.scales ? deltas[k].b * deltas[k].scale : deltas[k].b;
    Tensor& third = thirds[std::string("qkv").find(options_.parts[k])];
    third = third + at::linear(at::linear(x, as_type_of(x, deltas[k].a)), as_type_of(x, b));
  }
  return at::cat(thirds, -1);
}

void Lora::parameters(const ParameterVisitor& visit) {
  for (size_t i = 0; i < deltas_.size(); ++i) {
    for (size_t k = 0; k < deltas_[i].size(); ++k) {
      const std::string at = std::to_string(options_.blocks[i]) + "." + options_.parts[k] + ".";
      visit(at + "a", deltas_[i][k].a);
      visit(at + "b", deltas_[i][k].b);
      if (options_.scales) visit(at + "scale", deltas_[i][k].scale);
    }
  }
}

}  // namespace clb::nn
