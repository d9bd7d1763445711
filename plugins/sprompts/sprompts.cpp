// S-iPrompts: every domain (or task) learns prompts and a head of its own, apart from all others; at test the nearest centroid of an
// image's frozen feature says whose prompts and head it gets.
#include <clb/nn/domain_centroids.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/key_choice.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/prompting.hpp>
#include <clb/sdk/statistics.hpp>

namespace {

using torch::Tensor;

constexpr double kNeverChosen = -1e11;  // logit of a class that the chosen session does not have: finite, below any logit of a head

// What one task leaves; nothing of it is touched again.
struct Session final : clb::nn::Module {
  Session(int64_t length, int64_t dim, const clb::nn::Rng& rng)
      : prompt(clb::nn::linear_weight(length, dim, rng("prompt")).requires_grad_()),  // released as the weight of a linear layer
        head({.dim = dim, .init = clb::nn::HeadInit::torch_linear()}, rng) {}

  Tensor prompt;  // [length, d]
  clb::nn::GrowingLinear head;

 private:
  void parts(clb::nn::Parts& p) override { p("prompt", prompt)("head", head); }
};

class SPrompts final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "sprompts",
      .version = "1.0.0",
      .paper = "Wang et al., NeurIPS 2022, arXiv:2207.12819",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };

  static constexpr clb::ValidationValue validation_values[] = {{"epochs", 3}, {"first_epochs", 3}};

  static void params(clb::Params<SPrompts>& p) {
    p.integer("prompt_length", &SPrompts::length_, {0, 256},
              "tokens of a session's prompts; 0: none, a head per session on frozen features");
    p.integer("clusters", &SPrompts::clusters_, {1, 4096}, "centroids that a session is told by (k of k-means)");
    p.choice("distance", &SPrompts::distance_, {"l1", "l2"}, "to the centroids: released code l1, paper l2");
    p.choice("centroid_view", &SPrompts::centroid_view_, {"train", "eval"},
             "images whose features are clustered: augmented, as released, or as at test (served from the cache)");
    p.choice("route", &SPrompts::route_, {"nearest", "oracle", "random"},
             "whose prompts and head a test image gets: the nearest centroid's, those of its own task (told), or any")
        .implies(clb::kTaskIdTest, "oracle")
        .implies(clb::kStochastic, "random");
    clb::add_test_prompts(p, &SPrompts::test_prompts_).neutral("trained");
    clb::add_options(p, &SPrompts::fit_);
    clb::add_options(p, &SPrompts::first_);
  }

  void create() override { vit_ = clb::backbone(ctx()); }

  clb::Inputs inputs() const override {
    auto wanted = clb::queried_inputs(length_ > 0);
    return route_ == "oracle" ? std::move(wanted).with_task_ids() : wanted;
  }

  void train_task() override {
    Session& session = session_of(task().index);
    const Tensor labels = keep_labels(task().index);
    clb::fit(ctx(), clb::nn::of_task(fit_, first_, task().index), ctx().train().train_view().images(), {session}, [&](const clb::Batch& b) {
      const Tensor feature = prompted(b.images, session.prompt), logits = session.head(feature);
      const Tensor loss = at::cross_entropy_loss(logits, at::searchsorted(labels, b.labels));
      ctx().trace("feature", feature);
      ctx().trace("logits", logits);
      ctx().trace("loss", loss);
      return loss;
    });
    clb::nn::freeze(session);
    identify();
  }

  Tensor predict(const clb::Batch& b) override {
    const Tensor session = route(b);  // [n]
    const Tensor feature = length_ > 0 ? prompted(b.images, prompts().index_select(0, session)) : b.features("main:cls");
    Tensor logits = torch::full({b.n, task().classes_seen}, kNeverChosen, feature.options().dtype(torch::kFloat32));
    for (int64_t s = 0; s < known_.domains(); ++s) {
      const Tensor rows = session.eq(s).nonzero().squeeze(1);
      if (rows.numel() == 0) continue;
      logits.index_put_({rows.unsqueeze(1), labels_[static_cast<size_t>(s)].unsqueeze(0)},
                        sessions_[static_cast<size_t>(s)].head(feature.index_select(0, rows)));
    }
    ctx().trace("session", session);
    return logits;
  }

  void state(clb::Archive& a) override {
    a("sessions", sessions_, [this] { return make_session(0); })("labels", labels_)("centroids", known_.all())("usage", usage_);
  }

 private:
  Session make_session(int64_t task) const { return {length_, vit_.dim(), ctx().rng("session", {task})}; }

  // Of a new task drawn anew, with a row of the head for each of its classes.
  Session& session_of(int64_t task) {
    if (static_cast<int64_t>(sessions_.size()) <= task) {
      sessions_.push_back(make_session(task));
      sessions_.back().head.grow(static_cast<int64_t>(this->task().labels.size()));
    }
    return sessions_[static_cast<size_t>(task)];
  }

  // [k]: row k of the task's head belongs to labels[k].
  const Tensor& keep_labels(int64_t task) {
    labels_.resize(std::max(labels_.size(), static_cast<size_t>(task) + 1));
    return labels_[static_cast<size_t>(task)] = torch::tensor(this->task().labels, torch::dtype(torch::kInt64).device(ctx().device()));
  }

  // The class token's feature with prompts [n, p, d] or [p, d] behind the class token, without positions.
  Tensor prompted(const Tensor& images, const Tensor& prompts) const { return vit_.cls(images, clb::nn::PrependedPrompts(prompts)); }

  Tensor prompts() const {  // [sessions, length, d]
    std::vector<Tensor> all;
    for (int64_t s = 0; s < known_.domains(); ++s) {
      const Tensor& trained = sessions_[static_cast<size_t>(s)].prompt;
      all.push_back(test_prompts_ == "initial" ? make_session(s).prompt.to(trained.device()) : trained);
    }
    return at::stack(all);
  }

  // Centroids of the task's unprompted features, and how well they tell it: which sessions its own images would be given to.
  void identify() {
    const bool eval = centroid_view_ == "eval";
    const auto stream = eval ? ctx().train().eval_view().features("main:cls") : ctx().train().train_view().images();
    const auto of_task = clb::features_of(ctx(), stream, fit_.batch_size,
                                          [&](const clb::Batch& b) { return eval ? b.features("main:cls") : vit_.query(b.images); });
    known_.learn(task().index, of_task.features, clusters_, ctx().rng("centroids", {task().index}));
    const Tensor nearest = known_.nearest(of_task.features, distance_);
    ctx().metric("domain_id/train", task().index, nearest.eq(task().index).to(torch::kFloat64).mean().item<double>());
    record_usage(nearest);
  }

  // Of all tasks so far, each counted when it was learned: while a task is trained its own session alone is in use, which says nothing.
  void record_usage(const Tensor& chosen) {
    const Tensor counts = clb::nn::count_ids(chosen, known_.domains()).cpu();
    if (usage_.defined()) counts.narrow(0, 0, usage_.size(0)).add_(usage_);
    usage_ = counts;
    if (known_.domains() > 1) clb::record_usage(ctx(), "session/0", usage_);
  }

  Tensor route(const clb::Batch& b) {  // [n]
    const Tensor nearest = known_.nearest(b.features("main:cls"), distance_);
    if (route_ == "random") return torch::randint(known_.domains(), {b.n}, torch::kInt64).to(nearest.device());
    if (route_ == "nearest") return nearest;
    const Tensor& told = clb::told_tasks(b, "route = \"oracle\"");
    // Of how many the nearest centroid would have found the task: domain-identification accuracy, for whoever sums over the questions.
    const Tensor known = told.lt(known_.domains());  // a task to come has no session
    ctx().metric("domain_id/right", b.step, nearest.eq(told).sum().item<double>());
    ctx().metric("domain_id/samples", b.step, known.sum().item<double>());
    return at::where(known, told, nearest);
  }

  // Defaults: the authors' CDDB (the released file for S-iPrompts cannot be run; these are S-liPrompts').
  int64_t length_ = 10, clusters_ = 5;
  std::string distance_ = "l1", centroid_view_ = "train", route_ = "nearest", test_prompts_ = "trained";
  clb::nn::FitOptions fit_{.lr = 0.01, .momentum = 0.9, .weight_decay = 2e-4, .epochs = 50, .batch_size = 128, .schedule = "cosine"};
  clb::nn::FitChange first_{.epochs = 20, .lr = 0.001, .weight_decay = 5e-4};

  clb::nn::Vit vit_;
  std::vector<Session> sessions_;
  std::vector<Tensor> labels_;  // of each session [k], ascending
  clb::nn::DomainCentroids known_;
  Tensor usage_;  // [sessions] int64
};

}  // namespace

CLB_METHOD(SPrompts)
