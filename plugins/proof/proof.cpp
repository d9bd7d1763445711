// PROOF: CLIP stays as it is. Every task adds linear projections behind both towers, which are summed, and context prompts; one layer of
// attention over an image, all sentences, all prototypes and all prompts fuses what they say of each other.
#include <clb/nn/herding.hpp>
#include <clb/nn/layer_norm.hpp>
#include <clb/nn/linear.hpp>
#include <clb/nn/list.hpp>
#include <clb/nn/loss.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>
#include <clb/sdk/text.hpp>
#include <cmath>

namespace {

using clb::nn::unit_rows;
using torch::Tensor;

// LayerNorm(S + fc(softmax(Q K^T / sqrt(d)) V)), one head; drop-out on the attention and behind fc.
struct Fusion final : clb::nn::Module {
  Fusion() = default;
  Fusion(int64_t d, double dropout, const clb::nn::Rng& rng) : dropout(dropout), layer_norm(d) {
    const auto drawn = [&](const char* name, double deviation) { return clb::nn::normal({d, d}, 0, deviation, rng(name)); };
    for (auto [linear, name] : {std::pair(&w_qs, "w_qs"), {&w_ks, "w_ks"}, {&w_vs, "w_vs"}})
      *linear = clb::nn::Linear(drawn(name, std::sqrt(2.0 / static_cast<double>(2 * d))));
    fc = clb::nn::Linear(drawn("fc", std::sqrt(2.0 / static_cast<double>(2 * d))), clb::nn::Linear::drawn(d, d, rng).bias);
  }
  Tensor operator()(const Tensor& s) const {  // [n, t, d]
    const Tensor scores = at::matmul(w_qs(s) / std::sqrt(static_cast<double>(s.size(2))), w_ks(s).transpose(1, 2));
    const Tensor mixed = at::matmul(at::dropout(scores.softmax(2), dropout, training), w_vs(s));
    return layer_norm(s + at::dropout(fc(mixed), dropout, training));
  }
  void train(bool on) override { training = on; }

  double dropout = 0;
  bool training = false;
  clb::nn::Linear w_qs, w_ks, w_vs, fc;
  clb::nn::LayerNorm layer_norm;

 private:
  void parts(clb::nn::Parts& p) override { p("w_qs", w_qs)("w_ks", w_ks)("w_vs", w_vs)("layer_norm", layer_norm)("fc", fc); }
};

struct Fused {
  Tensor whole, image, text, prototypes;  // [n, t, d]; [n, d]; of each sample [n, c, d], or of all [c, d]
};

// Everything that is trained.
struct Network final : clb::nn::Module {
  std::vector<clb::nn::Linear> proj_img, proj_txt;
  std::vector<Tensor> contexts;  // [prompts, d] each
  Fusion fusion;
  Tensor logit_scale;  // []
  bool newest_only = false;

  // [.., d] raw features of CLIP to sums of projections; without projections as they are.
  Tensor projected(const std::vector<clb::nn::Linear>& by, const Tensor& features) const {
    if (by.empty() || newest_only) return by.empty() ? features : by.back()(features);
    Tensor sum = by.front()(features);
    for (size_t k = 1; k < by.size(); ++k) sum = sum + by[k](features);
    return sum;
  }
  Tensor image(const Tensor& features) const { return projected(proj_img, features); }
  Tensor text(const Tensor& features) const { return projected(proj_txt, features); }
  Tensor prototypes(const Tensor& raw) const { return unit_rows(image(raw)); }

  // For what is loaded next, with sizes of its own.
  void resize(int64_t projections, int64_t prompts) {
    if (std::min(projections, prompts) < 0 || std::max(projections, prompts) > 1'000'000)
      throw clb::PluginError(CLB_E_STATE, "the saved state is damaged: it counts " + std::to_string(projections) + " projections");
    const clb::nn::Linear any(torch::zeros({1, 1}), torch::zeros({1}));
    proj_img.resize(static_cast<size_t>(projections), any);
    proj_txt.resize(static_cast<size_t>(projections), any);
    contexts.resize(static_cast<size_t>(prompts), torch::zeros({1, 1}));
  }

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
    const auto numbered = [&](const std::string& name, auto& items) {
      for (size_t k = 0; k < items.size(); ++k) p(name + "." + std::to_string(k), items[k]);
    };
    numbered("proj_img", proj_img);
    numbered("proj_txt", proj_txt);
    numbered("ctx", contexts);
    p("attn", fusion)("logit_scale", logit_scale);
  }
};

// [n, c]: rows against the texts of all, or against each row's own.
Tensor similarity(const Tensor& image, const Tensor& text) {
  return text.dim() == 2 ? at::matmul(image, text.t()) : at::matmul(text, image.unsqueeze(2)).squeeze(2);
}

// Images against the sentences of their own labels, within the batch and both ways; of two images of one class each counts as wrong for
// the other, as in the released code.
Tensor clip_loss(const Tensor& image, const Tensor& own_text, const Tensor& log_scale) {  // [n, d] of length 1
  const Tensor logits = log_scale.exp() * at::matmul(image, own_text.t()),
               right = at::arange(image.size(0), at::device(image.device()).dtype(at::kLong));
  return (at::cross_entropy_loss(logits, right) + at::cross_entropy_loss(logits.t(), right)) / 2;
}

struct Losses {
  Tensor text, prototypes, clip;
};

// Of images [n, d] as the projections give them, one sentence [c, d] a class likewise, and prototypes [c, d] of length 1; text and
// prototypes are undefined without fusion.
Losses losses_of(const Network& network, const Tensor& image, const Tensor& text, const Tensor& prototypes, const Tensor& labels,
                 bool fusion) {
  const auto unit = [](const Tensor& x) { return x / x.norm(2, -1, true); };
  const Tensor image_n = unit(image), text_n = unit(text);
  Losses losses{.text = {}, .prototypes = {}, .clip = clip_loss(image_n, text_n.index_select(0, labels), network.logit_scale)};
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
    p.integer("memory_size", &Proof::memory_size_, {0, 1e9}, "exemplars in all, shared equally among the classes seen");
    p.integer("memory_per_class", &Proof::memory_per_class_, {0, 1e9},
              "exemplars per class, whatever memory_size says; 0: memory_size rules");
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
    if (fusion_) network_.fusion = Fusion(ctx().feature_dim("main:image"), dropout_, ctx().rng("fusion"));
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
    choose_exemplars();
    const torch::NoGradGuard no_grad;
    text_ = clb::text_ensemble(network_.text(texts));
  }

  Tensor predict(const clb::Batch& b) override {
    const Tensor image = network_.image(b.features("main:image"));
    const Tensor logits =
        scores_of(network_, image, text_, fusion_ ? network_.prototypes(prototypes_) : Tensor(), fusion_, batch_average_test_);
    ctx().trace("logits", logits);
    return logits;
  }

  void state(clb::Archive& a) override {
    auto projections = static_cast<int64_t>(network_.proj_img.size()), contexts = static_cast<int64_t>(network_.contexts.size());
    a("projections", projections)("contexts", contexts);
    network_.resize(projections, contexts);
    a("network", network_)("prototypes", prototypes_)("text", text_);
  }

 private:
  // What the new task trains, and what stands still from now on.
  void grow(int64_t d) {
    const auto task_rng = ctx().rng("task", {task().index});
    if (projections_) {
      for (auto& old : network_.proj_img) clb::nn::freeze(old);
      if (freeze_old_text_)
        for (auto& old : network_.proj_txt) clb::nn::freeze(old);
      network_.proj_img.push_back(clb::nn::Linear::drawn(d, d, [&](const std::string& name) { return task_rng("image/" + name); }));
      network_.proj_txt.push_back(clb::nn::Linear::drawn(d, d, [&](const std::string& name) { return task_rng("text/" + name); }));
    }
    if (fusion_ && context_prompts_ > 0) {
      for (Tensor& old : network_.contexts) old = old.detach();
      network_.contexts.push_back(clb::nn::normal({context_prompts_, d}, 0, 1, task_rng("contexts")).requires_grad_());
    }
    if (fusion_) clb::nn::unfreeze(network_.fusion);
    network_.logit_scale.requires_grad_();
  }

  void learn(const Tensor& texts) {
    const auto stream = ctx().train_and_memory().eval_view().features("main:image");  // one transform for training and test, as released
    clb::fit(ctx(), fit_, stream, {network_}, [&](const clb::Batch& b) {
      const Tensor image = network_.image(b.features("main:image")), prototypes = fusion_ ? network_.prototypes(prototypes_) : Tensor();
      const Losses l = losses_of(network_, image, network_.text(texts), prototypes, b.labels, fusion_);
      ctx().trace("loss", l.clip);
      return fusion_ ? l.text + l.prototypes + l.clip : l.clip;
    });
  }

  // The mean feature of length 1 of each class that has none yet, before any projection.
  void add_prototypes() {
    const int64_t known = prototypes_.defined() ? prototypes_.size(0) : 0;
    Tensor sums, counts;
    for (const clb::Batch& b : ctx().train().eval_view().features("main:image").batches(1024)) {
      const Tensor rows = unit_rows(b.features("main:image"));
      if (!sums.defined()) {
        sums = torch::zeros({task().classes_seen, rows.size(1)}, rows.options().dtype(torch::kFloat64));
        counts = torch::zeros({task().classes_seen, 1}, sums.options());
      }
      sums.index_add_(0, b.labels, rows.to(torch::kFloat64));
      counts.index_add_(0, b.labels, torch::ones({b.n, 1}, sums.options()));
    }
    const Tensor fresh = (sums / counts.clamp_min(1)).to(torch::kFloat32).slice(0, known);
    prototypes_ = known == 0 ? fresh : at::cat({prototypes_, fresh});
  }

  void choose_exemplars() {
    const torch::NoGradGuard no_grad;
    std::vector<Tensor> features, labels, ids;
    for (const clb::Batch& b : ctx().train_and_memory().eval_view().features("main:image").sample_ids().batches(1024)) {
      features.push_back(network_.image(b.features("main:image")));
      labels.push_back(b.labels);
      ids.push_back(b.sample_ids);
    }
    const int64_t quota = memory_per_class_ > 0 ? memory_per_class_ : memory_size_ / task().classes_seen;
    const auto rows = clb::nn::exemplar_rows(at::cat(features), at::cat(labels), task().classes_seen, task().labels, quota);
    ctx().set_memory(at::cat(ids).index_select(0, at::cat(rows)));
  }

  // Defaults: the released CIFAR-100 B0-Inc10, but for batch_average_test, which is on there.
  bool projections_ = true, newest_only_ = false, freeze_old_text_ = false, fusion_ = true, batch_average_test_ = false;
  int64_t context_prompts_ = 3, memory_size_ = 2000, memory_per_class_ = 0;
  double dropout_ = 0.1;
  clb::TemplateOptions templates_;
  clb::nn::FitOptions fit_{.lr = 1e-3, .momentum = 0.9, .weight_decay = 0.05, .epochs = 5, .batch_size = 64, .schedule = "cosine"};

  std::vector<std::string> sentences_;
  Network network_;
  Tensor prototypes_, text_;  // [c, d] of the classes seen: mean features of CLIP; sentences behind the projections, length 1
};

}  // namespace

CLB_METHOD(Proof)
