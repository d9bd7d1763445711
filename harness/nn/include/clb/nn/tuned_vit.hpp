// A frozen ViT that something small is tuned in, or a copy of it that is tuned as a whole: the "first-session adaptation" of APER, RanPAC,
// LayUP and FeCAM (Zhou et al., IJCV 2024, arXiv:2303.07338; methods: representation 3.2 to 3.4 and 4.2).
#pragma once

#include <clb/nn/adapter.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/nn/ssf.hpp>
#include <clb/nn/vit.hpp>
#include <string>
#include <variant>

namespace clb::nn {

// Defaults are RevisitingCIL's (commit a2e6b71), which LAMDA-PILOT and RanPAC share.
struct TunerOptions {
  std::string tuner = "none";    // none | finetune | vpt_shallow | vpt_deep | ssf | adapter
  int64_t prompt_length = 5;     // vpt: tokens per layer, behind the patches
  bool prompt_zero_init = true;  // vpt
  int64_t bottleneck = 64;       // adapter
  double adapter_scale = 0.1;    // adapter
  double adapter_dropout = 0.1;  // adapter, in training mode only
};

// Its parameters are what is tuned and nothing else: none for `none`, the whole copy for `finetune`. Fresh ones are trained; freeze() ends
// that. Numbers of them with width d, depth D, prompt length P, bottleneck r and a hidden layer of 4 d:
//   adapter D (2 d r + r + d), ssf 2 d (2 + 11 D), vpt_deep D P d, vpt_shallow P d, finetune the ViT's.
class TunedVit final : public Module {
 public:
  TunedVit() = default;
  TunedVit(const Vit& vit, const TunerOptions& options, const Rng& rng);

  bool plain() const { return !tuned_; }  // the pre-trained network itself: tuner `none`
  int64_t dim() const { return vit_.dim(); }

  torch::Tensor cls(const torch::Tensor& images) const;                           // [n, d]: class token after the final norm
  torch::Tensor cls_of_blocks(const torch::Tensor& images, int64_t first) const;  // [n, k, d]: see Vit

 private:
  void parts(Parts& p) override;

  Vit vit_;
  bool tuned_ = false;
  std::variant<std::monostate, Adapter, Ssf, PromptTokens> inside_;  // monostate and tuned: vit_ is a copy of its own
};

}  // namespace clb::nn
