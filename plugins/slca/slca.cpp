// SLCA: the whole network learns slowly, a new head quickly; after each task all heads are aligned on features drawn from the normal
// distributions of the classes. Tasks go on from the heads before alignment.
#include <clb/nn/alignment.hpp>
#include <clb/nn/class_statistics.hpp>
#include <clb/nn/fresh_norm.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/loss.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>
#include <clb/sdk/statistics.hpp>

namespace {

using Heads = clb::nn::List<clb::nn::GrowingLinear>;  // one for each task, their logits side by side

// Stage 1: the task's classes alone compete.
torch::Tensor slow_loss(const Heads& heads, const torch::Tensor& features, const torch::Tensor& labels,
                        const std::vector<int64_t>& of_task) {
  return at::cross_entropy_loss(clb::nn::mask_to(of_task, clb::nn::joined_logits(heads, features)), labels);
}

// An epoch of stage 2.
void align_heads(clb::nn::Trainer& trainer, const Heads& heads, const clb::nn::DrawnRows& drawn, int64_t batch_size, double temperature) {
  clb::nn::align(trainer, drawn, batch_size, [&](const torch::Tensor& rows) {
    const auto z = clb::nn::joined_logits(heads, rows);
    return temperature > 0 ? clb::nn::normalized_logits(z, clb::nn::classes_of(heads), temperature) : z;
  });
}

// What a task leaves of its classes.
struct Gaussians {
  std::vector<int64_t> labels, tasks;
  std::vector<torch::Tensor> means, covariances;  // [d] float64, [d, d] float32

  // classes: their statistics, in the order of `of`; a class without samples is left out.
  void add(const clb::nn::ClassCovariances& classes, const std::vector<int64_t>& of, int64_t task, double ridge) {
    const auto all = classes.means(), counts = classes.counts();
    for (int64_t k = 0; k < static_cast<int64_t>(of.size()); ++k) {
      if (counts[k].item<double>() == 0) continue;
      const auto covariance = classes.covariance(k);
      labels.push_back(of[static_cast<size_t>(k)]);
      tasks.push_back(task);
      means.push_back(all[k].clone());
      covariances.push_back((covariance + ridge * torch::eye(covariance.size(0), covariance.options())).to(torch::kFloat32));
    }
  }
  void state(clb::Archive& a) {
    a("gaussian.labels", labels)("gaussian.tasks", tasks)("gaussian.means", means)("gaussian.covariances", covariances);
  }
};

// Means of old classes are drawn towards 0, where the features of a network that went on learning lie less far out.
double mean_factor(double shrink, int64_t task_of_class, int64_t task) {
  return 1 - shrink + shrink * static_cast<double>(task_of_class + 1) / static_cast<double>(task + 1);
}

class Slca final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "slca",
      .version = "1.0.0",
      .paper = "Zhang et al., ICCV 2023, arXiv:2303.05118",
      .capabilities = clb::kBf16 | clb::kBitwise,
  };

  static void params(clb::Params<Slca>& p) {
    clb::add_options(p, &Slca::fit_);
    p.real("bcb_lrscale", &Slca::bcb_lrscale_, {0, 1}, "factor on the network's learning rate (slow learner); 0: it stays as it is");
    p.choice("final_norm", &Slca::final_norm_, {"fresh", "pretrained"}, "the norm before the heads: a new one (authors) or the network's");
    auto ca = p.in(&Slca::alignment_);
    using Fit = clb::nn::FitOptions;
    ca.integer("ca_epochs", &Fit::epochs, {0, 100000}, "epochs of classifier alignment; 0: none");
    ca.integer("ca_samples", &Fit::batch_size, {1, 65536}, "features drawn per class and epoch; also the batch size of alignment");
    ca.real("ca_lr", &Fit::lr, {0, 100}, "learning rate of alignment, cosine to 0");
    ca.real("ca_momentum", &Fit::momentum, {0, 1}, "momentum of alignment");
    ca.real("ca_weight_decay", &Fit::weight_decay, {0, 10}, "weight decay of alignment");
    p.real("ca_temperature", &Slca::ca_temperature_, {0, 100}, "temperature of normalised logits (tau); 0: plain cross-entropy");
    p.real("mean_shrink", &Slca::mean_shrink_, {0, 1}, "how far the mean of a class of long ago is drawn towards 0");
    p.flag("official_task_index", &Slca::official_task_index_,
           "a class's task is class / classes of this task, as released; wrong when tasks differ in size");
    p.real("covariance_ridge", &Slca::ridge_, {0, 100}, "added to the diagonal of every covariance");
  }

  void create() override {
    vit_ = clb::backbone(ctx());
    norm_ = clb::nn::FreshNorm(vit_.dim());
    clb::nn::move_to(norm_, ctx().device());
    auto slow = slow_part();
    clb::nn::unfreeze(slow);
    if (fresh_norm() && bcb_lrscale_ > 0) clb::nn::unfreeze(norm_);
  }

  clb::Inputs inputs() const override { return clb::Inputs::images(); }

  void train_task() override {
    learn();
    keep_statistics();
    aligned_ = clb::nn::copy_of(heads_);
    if (task().index > 0 && alignment_.epochs > 0) align();
  }

  torch::Tensor predict(const clb::Batch& b) override { return clb::nn::joined_logits(aligned_, features(b.images)); }

  void state(clb::Archive& a) override {
    const auto make = [this] { return make_head(0); };
    auto slow = slow_part();
    a("network", slow)("norm", norm_)("heads", heads_.items(), make)("aligned", aligned_.items(), make);
    gaussians_.state(a);
  }

 private:
  bool fresh_norm() const { return final_norm_ == "fresh"; }

  // What of the network is trained; the norm that a fresh one stands for is not.
  clb::nn::Part slow_part() {
    if (bcb_lrscale_ == 0) return {vit_, {}};
    if (fresh_norm()) return {vit_, {"cls_token", "pos_embed", "patch_embed.", "blocks."}};
    return {vit_, {""}};  // begins every name
  }

  clb::nn::GrowingLinear make_head(int64_t task) const {
    return {{.dim = vit_.dim(), .init = clb::nn::HeadInit::normal(0.02)}, ctx().rng("head", {task})};
  }

  torch::Tensor features(const torch::Tensor& images) const {
    return (fresh_norm() ? vit_.cls(images, norm_) : vit_.cls(images)).to(torch::kFloat32);  // [n, d]
  }

  // Stage 1: network and newest head on the task's classes alone. Classes that come again (domains) train the heads they have.
  void learn() {
    const int64_t known = clb::nn::train_those_of(task().labels, heads_, [](const auto& head) { return head.classes(); });
    if (known < task().classes_seen) heads_.add(make_head(task().index)).grow(task().classes_seen - known);
    auto slow = slow_part();
    clb::fit(ctx(), fit_, ctx().train().train_view().images(), {{slow, bcb_lrscale_}, {norm_, bcb_lrscale_}, heads_},
             [&](const clb::Batch& b) { return slow_loss(heads_, features(b.images), b.labels, task().labels); });
  }

  // Mean and covariance of each class under the network as it is now; they are not renewed when it learns on.
  void keep_statistics() {
    const torch::NoGradGuard no_grad;
    const auto of_task = torch::tensor(task().labels, ctx().device());
    clb::nn::ClassCovariances classes;
    classes.grow(of_task.numel(), vit_.dim(), ctx().device());
    for (const clb::Batch& b : ctx().train().eval_view().images().batches(fit_.batch_size)) {
      ctx().progress("statistics", b.step, 0);
      classes.add(features(b.images), b.labels.unsqueeze(1).eq(of_task).to(torch::kInt64).argmax(1));
    }
    gaussians_.add(classes, task().labels, task().index, ridge_);
  }

  // Stage 2: all heads on drawn features; the network is not needed.
  void align() {
    clb::nn::unfreeze(aligned_);
    const auto classes = scaled_gaussians();
    clb::nn::Trainer trainer(alignment_, {aligned_}, static_cast<int64_t>(classes.size()));
    clb::fit_drawn(ctx(), trainer, alignment_.epochs, "alignment/", [&](int64_t epoch) {
      const auto rng = ctx().rng("alignment", {task().index, epoch});
      const clb::nn::DrawnRows rows = clb::draw_shuffled(ctx(), classes, alignment_.batch_size, rng, epoch);
      align_heads(trainer, aligned_, rows, alignment_.batch_size, ca_temperature_);
      return rows.rows.size(0);
    });
    clb::nn::freeze(aligned_);
  }

  std::vector<clb::nn::ClassGaussian> scaled_gaussians() const {
    std::vector<clb::nn::ClassGaussian> classes;
    for (size_t k = 0; k < gaussians_.labels.size(); ++k) {
      const int64_t label = gaussians_.labels[k];
      const int64_t task_of = official_task_index_ ? label / static_cast<int64_t>(task().labels.size()) : gaussians_.tasks[k];
      classes.push_back({label, gaussians_.means[k] * mean_factor(mean_shrink_, task_of, task().index), gaussians_.covariances[k]});
    }
    return classes;
  }

  // Defaults: the authors' CIFAR-100.
  clb::nn::FitOptions fit_{.lr = 0.01,
                           .momentum = 0.9,
                           .weight_decay = 5e-4,
                           .epochs = 20,
                           .batch_size = 128,
                           .schedule = "multistep",
                           .milestones = {18},
                           .gamma = 0.1};
  double bcb_lrscale_ = 0.01, ca_temperature_ = 0.1, mean_shrink_ = 0.1, ridge_ = 1e-4;
  std::string final_norm_ = "fresh";
  clb::nn::FitOptions alignment_{.lr = 0.01, .momentum = 0.9, .weight_decay = 5e-4, .epochs = 5, .batch_size = 256, .schedule = "cosine"};
  bool official_task_index_ = false;

  clb::nn::Vit vit_;
  clb::nn::FreshNorm norm_;
  Heads heads_, aligned_;  // after stage 1, from which the next task goes on; after stage 2, which predict
  Gaussians gaussians_;
};

}  // namespace

CLB_METHOD(Slca)
