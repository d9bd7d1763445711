#include "clb/nn/tuned_vit.hpp"

#include <clb/nn/error.hpp>

namespace clb::nn {

using torch::Tensor;
namespace {

// The injection in a variant; nullptr: none.
template <class Variant>
auto injection_in(Variant& inside) {
  using Found = std::conditional_t<std::is_const_v<Variant>, const Injection, Injection>;
  return std::visit(
      [](auto& one) -> Found* {
        if constexpr (std::is_same_v<std::decay_t<decltype(one)>, std::monostate>) {
          return nullptr;
        } else {
          return &one;
        }
      },
      inside);
}

}  // namespace

TunedVit::TunedVit(const Vit& vit, const TunerOptions& o, const Rng& rng) : vit_(vit), tuned_(o.tuner != "none") {
  const VitShape& shape = vit.shape();
  if (o.tuner == "finetune") {
    vit_ = copy_of(vit);
    unfreeze(vit_);
  } else if (o.tuner == "adapter") {
    inside_.emplace<Adapter>(shape, AdapterOptions{.bottleneck = o.bottleneck, .scale = o.adapter_scale, .dropout = o.adapter_dropout},
                             rng);
  } else if (o.tuner == "ssf") {
    inside_.emplace<Ssf>(shape, rng);
  } else if (o.tuner == "vpt_shallow" || o.tuner == "vpt_deep") {
    inside_.emplace<PromptTokens>(
        shape,
        PromptTokensOptions{.length = o.prompt_length, .deep = o.tuner == "vpt_deep", .at_end = true, .zero_init = o.prompt_zero_init},
        rng);
  } else if (tuned_) {
    throw Error(ErrorKind::kInvalid, "unknown tuner '" + o.tuner + "'; expected none, finetune, vpt_shallow, vpt_deep, ssf or adapter");
  }
}

Tensor TunedVit::cls(const Tensor& images) const {
  const Injection* inside = injection_in(inside_);
  return inside == nullptr ? vit_.cls(images) : vit_.cls(images, *inside);
}

Tensor TunedVit::cls_of_blocks(const Tensor& images, int64_t first) const {
  const Injection* inside = injection_in(inside_);
  return inside == nullptr ? vit_.cls_of_blocks(images, first) : vit_.cls_of_blocks(images, first, *inside);
}

void TunedVit::parts(Parts& p) {
  if (Injection* inside = injection_in(inside_)) {
    p("", *inside);
  } else if (tuned_) {
    p("", vit_);
  }
}

}  // namespace clb::nn
