// EASE: a set of adapters per task spans a subspace; class means in all subspaces classify. What an old class looks like in a newer
// subspace is put together from the classes of later tasks that resemble it.
#include <clb/nn/adapter.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/tensors.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>

namespace {

using torch::Tensor;

// Cross-entropy among the task's own classes; head row k belongs to labels[k].
Tensor proxy_loss(const clb::nn::CosineHead& head, const Tensor& features, const Tensor& of, const std::vector<int64_t>& labels) {
  const auto own = torch::tensor(labels, torch::dtype(torch::kInt64).device(of.device()));
  return at::cross_entropy_loss(head(features), at::searchsorted(own, of));
}

// Cosines of two sets of rows, [n, d] x [m, d] -> [n, m], norms clamped as by torch's cosine_similarity.
Tensor similarity(const Tensor& a, const Tensor& b) {
  const auto unit = [](const Tensor& x) { return x / x.norm(2, 1, /*keepdim=*/true).clamp_min(1e-8); };
  return unit(a).matmul(unit(b).t());
}

class Ease final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "ease",
      .version = "1.0.0",
      .paper = "Zhou et al., CVPR 2024, arXiv:2403.12030",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };

  static void params(clb::Params<Ease>& p) {
    auto adapter = p.in(&Ease::adapter_);
    adapter.integer("bottleneck", &clb::nn::AdapterOptions::bottleneck, {1, 4096}, "hidden units of an adapter (r)");
    adapter.real("adapter_scale", &clb::nn::AdapterOptions::scale, {0, 100}, "factor on an adapter's output");
    adapter.real("adapter_dropout", &clb::nn::AdapterOptions::dropout, {0, 0.99}, "dropout behind an adapter's ReLU");
    p.integer("adapter_num", &Ease::adapter_num_, {0, 100000}, "only the first so many tasks train adapters; 0: every task does");
    p.flag("use_init_ptm", &Ease::use_init_ptm_, "the pre-trained network's feature is one more block");
    p.flag("use_reweight", &Ease::use_reweight_, "weigh a cosine per subspace; off: one cosine over all of them together");
    p.real("alpha", &Ease::alpha_, {0, 100}, "weight of all other subspaces together");
    p.real("beta", &Ease::beta_, {0, 100}, "weight of the pre-trained network's block");
    p.flag("recalc_sim", &Ease::recalc_sim_, "put old classes together anew from all later tasks; off: only in the newest subspace");
    clb::describe(p, &Ease::fit_);
    auto later = p.in(&Ease::later_);
    later.real("later_lr", &clb::nn::FitChange::lr, {0, 100}, "learning rate after the first task; 0: lr");
    later.integer("later_epochs", &clb::nn::FitChange::epochs, {0, 100000}, "epochs after the first task; 0: epochs");
  }

  void create() override { vit_ = clb::backbone(ctx()); }

  // Adapters stand still once their task is over: the host computes each image's place in their subspaces once.
  clb::Inputs inputs() const override { return clb::Inputs::features(registered_kinds()); }

  Tensor extract(const std::string& kind, const clb::Batch& b) override {
    for (int64_t k = 0; k < adapters(); ++k)
      if (kind == kind_of(k)) return vit_.cls(b.images, adapters_[k]).to(torch::kFloat32);
    return Method::extract(kind, b);
  }

  void train_task() override {
    behind_.push_back(task().classes_seen);
    if (adapter_num_ == 0 || adapters() < adapter_num_) learn_subspace();
    add_prototypes();
    complete();
  }

  Tensor predict(const clb::Batch& b) override {
    const auto features = spaces(b);
    const auto logits = use_reweight_ ? weighted(features) : plain(features);
    ctx().trace("features", features.flatten(1));
    return logits;
  }

  void state(clb::Archive& a) override {
    a("adapters", adapters_, [this] { return make_adapter(0); })("behind", behind_);
    a("sums", sums_)("counts", counts_)("classifier", classifier_);
  }

 private:
  int64_t adapters() const { return static_cast<int64_t>(adapters_.size()); }
  int64_t first_space() const { return use_init_ptm_ ? 1 : 0; }  // the block of adapter 0
  int64_t blocks() const { return first_space() + adapters(); }
  int64_t begin_of(int64_t task) const { return task == 0 ? 0 : behind_[task - 1]; }  // first class
  int64_t own_space(int64_t task) const { return first_space() + std::min(task, adapters() - 1); }

  clb::nn::Adapter make_adapter(int64_t task) const { return {vit_.shape(), adapter_, ctx().rng("adapter", {task})}; }

  void learn_subspace() {
    const auto options = task().index > 0 ? clb::nn::changed(fit_, later_) : fit_;
    auto& adapter = adapters_.emplace_back(make_adapter(task().index));
    clb::nn::CosineHead head({.dim = vit_.dim()}, ctx().rng("proxy", {task().index}));
    head.grow(static_cast<int64_t>(task().labels.size()));
    clb::fit(ctx(), options, ctx().train().train_view().images(), {adapter, head},
             [&](const clb::Batch& b) { return proxy_loss(head, vit_.cls(b.images, adapter), b.labels, task().labels); });
    clb::nn::freeze(adapter);
  }

  static std::string kind_of(int64_t adapter) { return "adapter" + std::to_string(adapter); }

  // The kinds of features of all blocks, in their order.
  std::vector<std::string> registered_kinds() const {
    std::vector<std::string> kinds;
    if (use_init_ptm_) kinds.push_back("main:cls");
    for (int64_t k = 0; k < adapters(); ++k) {
      auto adapter = adapters_[k];
      clb::register_part(ctx(), kind_of(k), vit_.dim(), adapter);
      kinds.push_back(kind_of(k));
    }
    return kinds;
  }

  // [n, blocks, d]: the image in every subspace.
  Tensor spaces(const clb::Batch& b) const {
    std::vector<Tensor> features;
    if (use_init_ptm_) features.push_back(b.features("main:cls"));
    for (int64_t k = 0; k < adapters(); ++k) features.push_back(b.features(kind_of(k)));
    return at::stack(features, 1);
  }

  // The task's classes in every subspace there is; older subspaces are no longer trained.
  void add_prototypes() {
    const int64_t d = vit_.dim();
    sums_ = clb::nn::grow_rows(sums_, task().classes_seen, blocks() * d, ctx().device());  // [c, blocks d]
    counts_ = clb::nn::grow_rows(counts_, task().classes_seen, blocks(), ctx().device());  // [c, blocks]
    for (const clb::Batch& b : ctx().train().eval_view().features(registered_kinds()).batches(fit_.batch_size)) {
      ctx().progress("prototypes", b.step, 0);
      sums_.index_add_(0, b.labels, spaces(b).flatten(1).to(torch::kFloat64));
      counts_.index_add_(0, b.labels, torch::ones({b.n, blocks()}, counts_.options()));
    }
  }

  // The classifier [c, blocks, d]: means where samples were seen, the complement where a class is older than a subspace.
  void complete() {
    const int64_t c = task().classes_seen, d = vit_.dim();
    const auto real = (counts_ > 0).unsqueeze(2);  // [c, blocks, 1]
    const auto means = (sums_.view({c, blocks(), d}) / counts_.clamp_min(1).unsqueeze(2)).to(torch::kFloat32);
    const auto before = classifier_.defined() ? classifier_.flatten(1) : classifier_;
    classifier_ = clb::nn::grow_rows(before, c, blocks() * d, ctx().device()).to(torch::kFloat32).view({c, blocks(), d});
    classifier_ = at::where(real, means, classifier_);
    ctx().trace("prototypes", classifier_.flatten(1));
    const auto newest = static_cast<int64_t>(behind_.size()) - 1;
    for (int64_t i = 0; i < newest; ++i)
      for (int64_t j = recalc_sim_ ? i + 1 : newest; j < adapters(); ++j) complement(i, j);
    ctx().trace("classifier", classifier_.flatten(1));
  }

  // Classes of task i in the subspace of the later task j: classes of task j and after are known in both subspaces; those that resemble
  // a class in subspace i lend it their places in subspace j. Temperature 1, so the weights are nearly equal, as published.
  void complement(int64_t i, int64_t j) {
    const auto block = [&](int64_t from, int64_t to, int64_t space) {
      return classifier_.slice(0, from, to).select(1, first_space() + space);
    };
    const int64_t from = begin_of(i), to = behind_[i], later = begin_of(j), all = behind_.back();
    if (from == to || later == all) return;                                      // tasks without classes of their own (domains)
    const auto likeness = similarity(block(from, to, i), block(later, all, i));  // [n_i, m]
    const auto weights = at::softmax(likeness, 1);
    block(from, to, j).copy_(weights.matmul(block(later, all, j)));
    const auto pair = "." + std::to_string(i) + "." + std::to_string(j);
    ctx().trace(("similarity" + pair).c_str(), likeness);
    ctx().trace(("weights" + pair).c_str(), weights);
  }

  // sum over subspaces of weight times cosine: 1 in the subspace of the class's own task, alpha shared by the others, beta for the
  // pre-trained network.
  Tensor weighted(const Tensor& features) const {
    const auto cosines = at::einsum("bjd,cjd->bcj", {clb::nn::unit_rows(features), clb::nn::unit_rows(classifier_)});
    const double other = adapters() > 1 ? alpha_ / static_cast<double>(adapters() - 1) : 0;
    auto weights = torch::full({classifier_.size(0), blocks()}, other);
    if (use_init_ptm_) weights.select(1, 0).fill_(beta_);
    for (int64_t i = 0; i < static_cast<int64_t>(behind_.size()); ++i)
      weights.slice(0, begin_of(i), behind_[i]).select(1, own_space(i)).fill_(1);
    return (cosines * weights.to(cosines.device())).sum(-1);  // [n, c]
  }

  Tensor plain(const Tensor& features) const {
    return clb::nn::unit_rows(features.flatten(1)).matmul(clb::nn::unit_rows(classifier_.flatten(1)).t());
  }

  // Defaults: the authors' and LAMDA-PILOT's CIFAR-100.
  clb::nn::AdapterOptions adapter_{.bottleneck = 64, .scale = 0.1, .dropout = 0.1};
  int64_t adapter_num_ = 0;
  bool use_init_ptm_ = false, use_reweight_ = true, recalc_sim_ = true;
  double alpha_ = 0.1, beta_ = 0;
  clb::nn::FitChange later_;
  clb::nn::FitOptions fit_{.lr = 0.025, .weight_decay = 5e-4, .epochs = 20, .batch_size = 48, .schedule = "cosine"};

  clb::nn::Vit vit_;
  std::vector<clb::nn::Adapter> adapters_;  // frozen but for the newest while it learns
  std::vector<int64_t> behind_;             // classes seen after each task
  Tensor sums_, counts_, classifier_;
};

}  // namespace

CLB_METHOD(Ease)
