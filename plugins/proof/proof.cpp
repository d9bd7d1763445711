// PROOF: CLIP stays as it is. Every task adds linear projections behind both towers, which are summed, and context prompts; one layer of
// attention over an image, all sentences, all prototypes and all prompts fuses what they say of each other.
#include <clb/nn/class_statistics.hpp>
#include <clb/nn/list.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/token_fusion.hpp>
#include <clb/sdk/exemplars.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>
#include <clb/sdk/text.hpp>
#include <cmath>

namespace {

using clb::nn::unit_rows;
using torch::Tensor;

struct Fused {
  Tensor whole, image, text, prototypes;  // [n, t, d]; [n, d]; of each sample [n, c, d], or of all [c, d]
};

// Everything that is trained.
struct Network final : clb::nn::Module {
  clb::nn::List<clb::nn::Linear> proj_img, proj_txt;
  std::vector<Tensor> contexts;  // [prompts, d] each
  clb::nn::TokenFusion fusion;
  Tensor logit_scale;  // []
  bool newest_only = false;

  // [.., d] raw features of CLIP to sums of projections; without projections as they are.
  Tensor projected(const clb::nn::List<clb::nn::Linear>& by, const Tensor& features) const {
    Tensor sum;
    for (int64_t k = newest_only ? by.size() - 1 : 0; k < by.size(); ++k) sum = sum.defined() ? sum + by[k](features) : by[k](features);
    return by.empty() ? features : sum;
  }
  Tensor image(const Tensor& features) const { return projected(proj_img, features); }
  Tensor text(const Tensor& features) const { return projected(proj_txt, features); }
  Tensor prototypes(const Tensor& raw) const { return unit_rows(image(raw)); }

  // image [n, d], text [c, d], prototypes [c, d]. together: text and prototypes as the mean over the batch.
  Fused fuse(const Tensor& image, const Tensor& text, const Tensor& prototypes, bool together) const {
    const int64_t n = image.size(0), c = text.size(0);
    std::vector<Tensor> shared{text, prototypes};
    shared.insert(shared.end(), contexts.begin(), contexts.end());
    const Tensor s = at::cat({image.unsqueeze(1), at::cat(shared).unsqueeze(0).expand({n, -1, -1})}, 1);  // [n, 1 + 2c + prompts, d]
    Fused f{.whole = fusion(s), .image = {}, .text = {}, .prototypes = {}};
    f.image = f.whole.select(1, 0);
    f.text = f.whole.narrow(1, 1, c);
    f.prototypes = f.whole.narrow(1, 1 + c, c);
    if (together) {
      f.text = f.text.mean(0);
      f.prototypes = f.prototypes.mean(0);
    }
    return f;
  }

 private:
  void parts(clb::nn::Parts& p) override {
    p("proj_img", proj_img)("proj_txt", proj_txt);
    for (size_t k = 0; k < contexts.size(); ++k) p("ctx." + std::to_string(k), contexts[k]);
    p("attn", fusion)("logit_scale", logit_scale);
  }
};

// [n, c]: rows against the texts of all, or against each row's own.
Tensor similarity(const Tensor& image, const Tensor& text) {
  return text.dim() == 2 ? at::matmul(image, text.t()) : at::matmul(text, image.unsqueeze(2)).squeeze(2);
}

struct Losses {
  Tensor text, prototypes, clip;
};

// Of images [n, d] as the projections give them, one sentence [c, d] a class likewise, and prototypes [c, d] of length 1; text and
// prototypes are undefined without fusion. clip: images against the sentences of their own labels, within the batch; of two images of one
// class each counts as wrong for the other, as in the released code.
Losses losses_of(const Network& network, const Tensor& image, const Tensor& text, const Tensor& prototypes, const Tensor& labels,
                 bool fusion) {
  const Tensor image_n = unit_rows(image), text_n = unit_rows(text);
  const Tensor pairs = network.logit_scale.exp() * at::matmul(image_n, text_n.index_select(0, labels).t());
  Losses losses{.text = {}, .prototypes = {}, .clip = clb::nn::paired_cross_entropy(pairs, at::eye(pairs.size(0), pairs.options()))};
  if (!fusion) return losses;
  const Fused f = network.fuse(image_n, text_n, prototypes, /*together=*/true);
  losses.text = at::cross_entropy_loss(similarity(f.image, f.text), labels);
  losses.prototypes = at::cross_entropy_loss(similarity(f.image, f.prototypes), labels);
  return losses;
}

// Images are not brought to length 1 here, though they were in training: so in the released code.
Tensor scores_of(const Network& network, const Tensor& image, const Tensor& text, const Tensor& prototypes, bool fusion, bool together) {
  const Tensor plain = similarity(image, text);
  if (!fusion) return plain;
  const Fused f = network.fuse(image, text, prototypes, together);
  return plain + similarity(f.image, f.text) + similarity(f.image, f.prototypes);
}

class Proof final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "proof",
      .version = "1.0.0",
      .paper = "Zhou et al., TPAMI 2025, arXiv:2305.19270",
      .capabilities = clb::kTextTower | clb::kRawReplay | clb::kFrozenFeatures | clb::kBf16 | clb::kBitwise,
  };

  static void params(clb::Params<Proof>& p) {
    p.flag("projections", &Proof::projections_, "linear projections behind both towers, new ones in every task");
    p.flag("newest_only", &Proof::newest_only_, "only the newest projections count, in place of the sum of all (ablation)");
    p.flag("freeze_old_text", &Proof::freeze_old_text_, "old text projections stand still: paper; off: released code");
    p.flag("fusion", &Proof::fusion_,
           "attention over image, sentences, prototypes and prompts, and the terms of loss and score that need it");
    p.integer("context_prompts", &Proof::context_prompts_, {0, 256}, "prompts that every task adds to the fusion");
    p.real("dropout", &Proof::dropout_, {0, 0.99}, "drop-out in the fusion while it is trained");
    clb::add_options(p, &Proof::memory_);
    p.flag("batch_average_test", &Proof::batch_average_test_,
           "fused sentences and prototypes are averaged over the test batch, as released; off: each image by itself")
        .implies(clb::kBatchDependent);
    clb::add_options(p, &Proof::templates_);
    clb::FitParams(p, &Proof::fit_)
        .optimizer()
        .lr()
        .momentum()
        .weight_decay()
        .epochs()
        .batch_size()
        .schedule({"constant", "cosine"})
        .min_lr();
  }

  void create() override {
    sentences_ = clb::chosen_templates(ctx(), templates_);
    network_.newest_only = newest_only_;
    network_.logit_scale = torch::zeros({});  // read with the first task: the weights are large
    if (fusion_) network_.fusion = clb::nn::TokenFusion(ctx().feature_dim("main:image"), dropout_, ctx().rng("fusion"));
  }
  clb::Inputs inputs() const override { return clb::Inputs::features("main:image"); }

  void train_task() override {
    if (task().index == 0) network_.logit_scale = torch::tensor(std::log(clb::logit_scale(ctx(), "main")), torch::kFloat32);
    const Tensor texts = clb::class_texts(ctx(), sentences_, clb::classes_up_to(task().classes_seen), "main");  // [templates, c, d]
    add_prototypes();
    if (projections_ || fusion_) {
      grow(texts.size(2));
      learn(texts[0]);
    }
    clb::keep_exemplars(ctx(), known(), 1024, memory_.quota(task().classes_seen), [&](const clb::Batch& b) { return image(b); });
    const torch::NoGradGuard no_grad;
    text_ = clb::text_ensemble(network_.text(texts));
  }

  Tensor predict(const clb::Batch& b) override {
    const Tensor logits = scores_of(network_, image(b), text_, prototypes(), fusion_, batch_average_test_);
    ctx().trace("logits", logits);
    return logits;
  }

  void state(clb::Archive& a) override {
    const auto any = [] { return clb::nn::Linear::zeros(1, 1); };
    a("proj_img", network_.proj_img.items(), any)("proj_txt", network_.proj_txt.items(), any)("contexts", network_.contexts);
    a("fusion", network_.fusion)("logit_scale", network_.logit_scale)("means", means_)("text", text_);
  }

 private:
  // What the new task trains, and what stands still from now on.
  void grow(int64_t d) {
    const auto task_rng = ctx().rng("task", {task().index});
    if (projections_) {
      clb::nn::freeze(network_.proj_img);
      if (freeze_old_text_) clb::nn::freeze(network_.proj_txt);
      network_.proj_img.add(clb::nn::Linear::drawn(d, d, [&](const std::string& name) { return task_rng("image/" + name); }));
      network_.proj_txt.add(clb::nn::Linear::drawn(d, d, [&](const std::string& name) { return task_rng("text/" + name); }));
    }
    if (fusion_ && context_prompts_ > 0) {
      for (Tensor& old : network_.contexts) old = old.detach();
      network_.contexts.push_back(clb::nn::normal({context_prompts_, d}, 0, 1, task_rng("contexts")).requires_grad_());
    }
    if (fusion_) clb::nn::unfreeze(network_.fusion);
    network_.logit_scale.requires_grad_();
  }

  // One transform for training and test, as released.
  clb::StreamRequest known() const { return ctx().train_and_memory().eval_view().features("main:image"); }
  Tensor image(const clb::Batch& b) const { return network_.image(b.features("main:image")); }

  void learn(const Tensor& texts) {
    clb::fit(ctx(), fit_, known(), {network_}, [&](const clb::Batch& b) {
      const Losses l = losses_of(network_, image(b), network_.text(texts), prototypes(), b.labels, fusion_);
      ctx().trace("loss", l.clip);
      return fusion_ ? l.text + l.prototypes + l.clip : l.clip;
    });
  }

  // Of features of length 1, before any projection.
  void add_prototypes() {
    means_.grow(task().classes_seen, ctx().feature_dim("main:image"), ctx().device());
    for (const clb::Batch& b : ctx().train().eval_view().features("main:image").batches(1024))
      means_.add(unit_rows(b.features("main:image")), b.labels);
  }
  Tensor prototypes() const { return fusion_ ? network_.prototypes(means_.means().to(torch::kFloat32)) : Tensor(); }

  // Defaults: the released CIFAR-100 B0-Inc10, but for batch_average_test, which is on there.
  bool projections_ = true, newest_only_ = false, freeze_old_text_ = false, fusion_ = true, batch_average_test_ = false;
  int64_t context_prompts_ = 3;
  double dropout_ = 0.1;
  clb::MemoryOptions memory_;
  clb::TemplateOptions templates_;
  clb::nn::FitOptions fit_{.lr = 1e-3, .momentum = 0.9, .weight_decay = 0.05, .epochs = 5, .batch_size = 64, .schedule = "cosine"};

  std::vector<std::string> sentences_;
  Network network_;
  clb::nn::ClassMeans means_;  // of CLIP's features
  Tensor text_;                // [classes seen, d]: sentences behind the projections, length 1
};

}  // namespace

CLB_METHOD(Proof)
