// The two forms of S-Prompts: the network that stands still, and what a session learns beside its image prompts to tell its classes.
// Included by sprompts.cpp alone.
#pragma once

#include <clb/nn/heads.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/sdk/nn.hpp>
#include <clb/sdk/text.hpp>

namespace sprompts {

using torch::Tensor;

// What one task leaves; nothing of it is touched again. Of head and context a form has one.
struct Session final : clb::nn::Module {
  Tensor prompt;                // [length, d]
  clb::nn::GrowingLinear head;  // S-iPrompts
  Tensor context;               // S-liPrompts: words before the names of its classes [words, d of the text tower]

  Session(int64_t length, int64_t dim, const clb::nn::Rng& rng)
      : prompt(clb::nn::linear_weight(length, dim, rng("prompt")).requires_grad_()) {}  // released as the weight of a linear layer

 private:
  void parts(clb::nn::Parts& p) override { p("prompt", prompt)("head", head)("context", context); }
};

class Form {
 public:
  virtual ~Form() = default;

  // The feature [n, f] of images: of the network as it is, by which sessions are told and which the host keeps under this name; and with
  // prompts [n, p, d] or [p, d] behind the class token, without positions.
  virtual const char* kind() const = 0;
  virtual Tensor plain(const Tensor& images) const = 0;
  virtual Tensor prompted(const Tensor& images, const Tensor& prompts) const = 0;

  virtual Session drawn(int64_t length, int64_t classes, const clb::nn::Rng& rng) const = 0;

  // The logits [n, k] that a session gives features. `texts` is what it makes of the names of its classes; undefined where there are none.
  virtual Tensor names(const Tensor& /*labels*/) const { return {}; }                             // [k] -> [k, t] token ids
  virtual Tensor texts(const Session& /*session*/, const Tensor& /*names*/) const { return {}; }  // -> [k, f]
  virtual Tensor logits(const Session& session, const Tensor& texts, const Tensor& feature) const = 0;
};

// S-iPrompts: a ViT, and a linear head for each session.
class ImageForm final : public Form {
 public:
  explicit ImageForm(const clb::Context& ctx) : vit_(clb::backbone(ctx)) {}

  const char* kind() const override { return "main:cls"; }
  Tensor plain(const Tensor& images) const override { return vit_.query(images); }
  Tensor prompted(const Tensor& images, const Tensor& prompts) const override {
    return vit_.cls(images, clb::nn::EmbeddedPrompts(prompts));
  }
  Session drawn(int64_t length, int64_t classes, const clb::nn::Rng& rng) const override {
    Session session(length, vit_.dim(), rng);
    session.head = clb::nn::GrowingLinear({.dim = vit_.dim(), .init = clb::nn::HeadInit::torch_linear()}, rng);
    session.head.grow(classes);
    return session;
  }
  Tensor logits(const Session& session, const Tensor& /*texts*/, const Tensor& feature) const override { return session.head(feature); }

 private:
  clb::nn::Vit vit_;
};

// S-liPrompts: CLIP, and for each session words before the names of its classes. Prompts stand before the norm of the image tower's input,
// as released; logits are CLIP's, with its own scale.
class LanguageImageForm final : public Form {
 public:
  LanguageImageForm(const clb::Context& ctx, int64_t words) : ctx_(ctx), words_(words), clip_(clb::clip(ctx, "main")) {}

  const char* kind() const override { return "main:image"; }
  Tensor plain(const Tensor& images) const override { return clip_.image(images); }
  Tensor prompted(const Tensor& images, const Tensor& prompts) const override {
    return clip_.image(images, clb::nn::EmbeddedPrompts(prompts));
  }
  Session drawn(int64_t length, int64_t /*classes*/, const clb::nn::Rng& rng) const override {
    Session session(length, clip_.image.dim(), rng);
    session.context = clb::nn::normal({words_, clip_.text.dim()}, 0, 0.02, rng("context")).requires_grad_();
    return session;
  }
  Tensor names(const Tensor& labels) const override {
    const Tensor on_host = labels.cpu();
    const int64_t* first = on_host.const_data_ptr<int64_t>();
    return clb::context_tokens(ctx_, words_, {first, first + on_host.numel()}, "main");
  }
  Tensor texts(const Session& session, const Tensor& names) const override {
    return clip_.text(names, clb::nn::ContextTokens(session.context)).to(torch::kFloat32);
  }
  Tensor logits(const Session& /*session*/, const Tensor& texts, const Tensor& feature) const override {
    return clip_.logits(feature.to(torch::kFloat32), texts);
  }

 private:
  const clb::Context& ctx_;
  int64_t words_;
  clb::nn::Clip clip_;
};

}  // namespace sprompts
