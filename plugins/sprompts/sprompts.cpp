// S-Prompts: every domain (or task) learns prompts and a classifier of its own, apart from all others; at test the nearest centroid of an
// image's frozen feature says whose it gets. S-iPrompts has a ViT and linear heads, S-liPrompts CLIP and text prompts: forms.hpp.
#include <clb/nn/domain_centroids.hpp>
#include <clb/nn/key_choice.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/prompting.hpp>
#include <clb/sdk/statistics.hpp>

#include "forms.hpp"

namespace {

using sprompts::Session;
using torch::Tensor;

constexpr double kNeverChosen = -1e11;  // logit of a class that the chosen session does not have: finite, below any logit of a head

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
    p.choice("classifier", &SPrompts::classifier_, {"linear", "text"},
             "linear: S-iPrompts, a ViT and a head per session; text: S-liPrompts, CLIP and learned words before the names of classes")
        .neutral("linear")
        .implies(clb::kTextTower, "text");
    p.integer("context_length", &SPrompts::words_, {1, 64}, "words that a session learns before the names of its classes (classifier text)")
        .neutral(16);
    p.integer("prompt_length", &SPrompts::length_, {0, 256},
              "tokens of a session's prompts; 0: none, a classifier per session on frozen features");
    p.integer("clusters", &SPrompts::clusters_, {1, 4096}, "centroids that a session is told by (k of k-means)");
    p.choice("distance", &SPrompts::distance_, {"l1", "l2"}, "to the centroids: released code l1, paper l2");
    p.choice("centroid_view", &SPrompts::centroid_view_, {"train", "eval"},
             "images whose features are clustered: augmented, as released, or as at test (served from the cache)");
    p.choice("route", &SPrompts::route_, {"nearest", "oracle", "random"},
             "whose prompts and classifier a test image gets: the nearest centroid's, those of its own task (told), or any")
        .implies(clb::kTaskIdTest, "oracle")
        .implies(clb::kStochastic, "random");
    clb::add_test_prompts(p, &SPrompts::test_prompts_).neutral("trained");
    clb::add_options(p, &SPrompts::fit_);
    clb::add_options(p, &SPrompts::first_);
  }

  void create() override {
    if (classifier_ == "text") {
      form_ = std::make_unique<sprompts::LanguageImageForm>(ctx(), words_);
    } else {
      form_ = std::make_unique<sprompts::ImageForm>(ctx());
    }
  }

  clb::Inputs inputs() const override {
    auto wanted = clb::queried_inputs(length_ > 0, form_->kind());
    return route_ == "oracle" ? std::move(wanted).with_task_ids() : wanted;
  }

  void train_task() override {
    Session& session = session_of(task().index);
    const Tensor labels = keep_labels(task().index), names = form_->names(labels);
    texts_.clear();
    clb::fit(ctx(), clb::nn::of_task(fit_, first_, task().index), ctx().train().train_view().images(), {session}, [&](const clb::Batch& b) {
      const Tensor feature = form_->prompted(b.images, session.prompt);
      const Tensor logits = form_->logits(session, form_->texts(session, names), feature);
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
    const Tensor feature = length_ > 0 ? form_->prompted(b.images, prompts().index_select(0, session)) : b.features(form_->kind());
    Tensor logits = torch::full({b.n, task().classes_seen}, kNeverChosen, feature.options().dtype(torch::kFloat32));
    for (int64_t s = 0; s < known_.domains(); ++s) {
      const Tensor rows = session.eq(s).nonzero().squeeze(1);
      if (rows.numel() == 0) continue;
      logits.index_put_({rows.unsqueeze(1), labels_[static_cast<size_t>(s)].unsqueeze(0)},
                        form_->logits(sessions_[static_cast<size_t>(s)], texts(s), feature.index_select(0, rows)));
    }
    ctx().trace("session", session);
    return logits;
  }

  void state(clb::Archive& a) override {
    a("sessions", sessions_, [this] { return drawn(0); })("labels", labels_)("centroids", known_.all())("usage", usage_);
    texts_.clear();
  }

 private:
  Session drawn(int64_t task, int64_t classes = 0) const { return form_->drawn(length_, classes, ctx().rng("session", {task})); }

  // Of a new task drawn anew.
  Session& session_of(int64_t task) {
    if (static_cast<int64_t>(sessions_.size()) <= task) sessions_.push_back(drawn(task, static_cast<int64_t>(this->task().labels.size())));
    return sessions_[static_cast<size_t>(task)];
  }

  // [k]: column k of the task's logits belongs to labels[k].
  const Tensor& keep_labels(int64_t task) {
    labels_.resize(std::max(labels_.size(), static_cast<size_t>(task) + 1));
    return labels_[static_cast<size_t>(task)] = torch::tensor(this->task().labels, torch::dtype(torch::kInt64).device(ctx().device()));
  }

  // Whose prompts predict, on images and on texts. A head is no prompt: that of `sessions_` does.
  Session prompting(int64_t s) const {
    return test_prompts_ == "initial" ? clb::as_drawn(ctx(), drawn(s)) : sessions_[static_cast<size_t>(s)];
  }

  Tensor prompts() const {  // [sessions, length, d]
    std::vector<Tensor> all;
    for (int64_t s = 0; s < known_.domains(); ++s) all.push_back(prompting(s).prompt);
    return at::stack(all);
  }

  // Computed once while sessions stand still: a text tower sees all names of a session.
  const Tensor& texts(int64_t s) {
    texts_.resize(sessions_.size());
    Tensor& kept = texts_[static_cast<size_t>(s)];
    if (!kept.defined()) kept = form_->texts(prompting(s), form_->names(labels_[static_cast<size_t>(s)]));
    return kept;
  }

  // Centroids of the task's unprompted features, and how well they tell it: which sessions its own images would be given to.
  void identify() {
    const bool eval = centroid_view_ == "eval";
    const auto stream = eval ? ctx().train().eval_view().features(form_->kind()) : ctx().train().train_view().images();
    const auto of_task = clb::features_of(ctx(), stream, fit_.batch_size,
                                          [&](const clb::Batch& b) { return eval ? b.features(form_->kind()) : form_->plain(b.images); });
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
    const Tensor nearest = known_.nearest(b.features(form_->kind()), distance_);
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
  int64_t length_ = 10, words_ = 16, clusters_ = 5;
  std::string classifier_ = "linear", distance_ = "l1", centroid_view_ = "train", route_ = "nearest", test_prompts_ = "trained";
  clb::nn::FitOptions fit_{.lr = 0.01, .momentum = 0.9, .weight_decay = 2e-4, .epochs = 50, .batch_size = 128, .schedule = "cosine"};
  clb::nn::FitChange first_{.epochs = 20, .lr = 0.001, .weight_decay = 5e-4};

  std::unique_ptr<sprompts::Form> form_;
  std::vector<Session> sessions_;
  std::vector<Tensor> labels_;  // of each session [k], ascending
  clb::nn::DomainCentroids known_;
  Tensor usage_;               // [sessions] int64
  std::vector<Tensor> texts_;  // of each session that was asked for, in the form that has them: no part of the state
};

}  // namespace

CLB_METHOD(SPrompts)
