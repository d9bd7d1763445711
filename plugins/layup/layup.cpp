// LayUP: ridge regression on the class tokens of the last blocks, side by side, from running sums; optionally of a network that was adapted
// to the first task.
#include <clb/nn/ridge.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>
#include <cmath>

namespace {

// 10^-4, 10^-3.5, ..., 10^3 and 10^-8: the released code's candidates in its order.
std::vector<double> released_ridges() {
  std::vector<double> ridges;
  for (int k = 0; k < 15; ++k) ridges.push_back(std::pow(10.0, -4 + k / 2.0));
  ridges.push_back(1e-8);
  return ridges;
}

// The fold [n] of each sample as scikit-learn's StratifiedKFold assigns it without shuffling: classes are numbered as they first appear; of
// class k, fold i gets as many samples as k occurs at places i, i + folds, i + 2 folds, ... of the sorted labels, and the classes' samples
// fill their places fold by fold.
std::vector<int64_t> stratified_folds(const std::vector<int64_t>& labels, int64_t folds) {
  std::map<int64_t, size_t> number;
  std::vector<size_t> classes;
  for (const int64_t label : labels) classes.push_back(number.try_emplace(label, number.size()).first->second);
  std::vector<size_t> sorted = classes;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::vector<int64_t>> places(number.size());  // of each class: the folds of its samples, in order
  for (size_t k = 0; k < sorted.size(); ++k) places[sorted[k]].push_back(static_cast<int64_t>(k) % folds);
  for (auto& of_class : places) std::sort(of_class.begin(), of_class.end());
  std::vector<size_t> next(number.size(), 0);
  std::vector<int64_t> fold;
  for (const size_t c : classes) fold.push_back(places[c][next[c]++]);
  return fold;
}

class LayUp final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "layup",
      .version = "1.0.0",
      .paper = "Ahrens et al., TMLR 2024, arXiv:2312.08888",
      .capabilities = clb::kBitwise | clb::kBf16,
  };

  static void params(clb::Params<LayUp>& p) {
    p.integer(
         "blocks", &LayUp::blocks_, {0, 64},
         "how many of the last blocks give their class tokens (k); 0: the class token after the final norm, or a data set's own vectors")
        .counts_blocks();
    p.reals("ridges", &LayUp::ridges_, {1e-12, 1e12}, "candidates for the ridge; of equally good ones the first is taken");
    p.integer("folds", &LayUp::folds_, {2, 100}, "folds of the cross-validation that chooses it");
    p.integer("allocated_classes", &LayUp::allocated_classes_, {0, 1000000},
              "classes the released code counts from the start: until they are seen, a logit of 0 competes in the choice of the ridge");
    p.choice("solve", &LayUp::solve_, {"fp64", "fp32"}, "precision of sums and solution");
    p.integer("feature_batch", &LayUp::feature_batch_, {1, 65536}, "samples that enter the sums at a time");
    clb::add_options(p, &LayUp::tuner_).implies(clb::kFrozenFeatures, "none");
    clb::add_options(p, &LayUp::fit_);
  }

  void create() override {
    if (ridges_.empty()) throw clb::PluginError(CLB_E_INVALID, "ridges is empty; one candidate at least was expected");
    features_ = {ctx(), tuner_, blocks_};
  }

  clb::Inputs inputs() const override { return clb::Inputs::features(features_.kind(ctx())); }
  torch::Tensor extract(const std::string&, const clb::Batch& b) override { return features_.extract(b); }

  void train_task() override {
    features_.adapt(ctx(), fit_, {.sigma = 30, .learn_sigma = false});
    const std::string& kind = features_.kind();
    if (!statistics_.defined()) statistics_ = {ctx().feature_dim(kind.c_str()), type(), ctx().device()};
    statistics_.grow(task().classes_seen);
    std::vector<torch::Tensor> features, labels;
    for (const clb::Batch& b : ctx().train().eval_view().features(kind).batches(feature_batch_)) {
      features.push_back(b.features(kind).to(type()));
      labels.push_back(b.labels);
      statistics_.add(features.back(), b.labels);
    }
    const double ridge = ridges_.size() == 1 ? ridges_[0] : chosen_ridge(torch::cat(features), torch::cat(labels));
    weights_ = statistics_.weights(ridge);
    ctx().metric("ridge", task().index, ridge);
  }

  torch::Tensor predict(const clb::Batch& b) override {
    const torch::Tensor logits = b.features(features_.kind()).to(type()).matmul(weights_.t());  // [n, c]
    ctx().trace("logits", logits);
    return logits.to(torch::kFloat32);
  }

  void state(clb::Archive& a) override { a("tuned", features_)("statistics", statistics_)("weights", weights_); }

 private:
  torch::ScalarType type() const { return solve_ == "fp64" ? torch::kFloat64 : torch::kFloat32; }

  // By the accuracy on each fold of this task, fitted on its other folds and on everything learned before.
  double chosen_ridge(const torch::Tensor& features, const torch::Tensor& labels) {
    const torch::Tensor on_cpu = labels.cpu().contiguous();
    const auto fold =
        torch::tensor(stratified_folds({on_cpu.data_ptr<int64_t>(), on_cpu.data_ptr<int64_t>() + on_cpu.numel()}, folds_), torch::kInt64);
    clb::nn::RidgeFolds regressions(statistics_);
    std::vector<torch::Tensor> accuracies;
    for (int64_t i = 0; i < folds_; ++i) {
      ctx().progress("fold", i, folds_);
      const torch::Tensor rows = (fold == i).nonzero().flatten().to(labels.device());
      if (rows.numel() > 0)
        accuracies.push_back(fold_accuracies(regressions, features.index_select(0, rows), labels.index_select(0, rows)));
    }
    const torch::Tensor each = torch::stack(accuracies), mean = each.mean(0);  // [folds, ridges], [ridges]
    ctx().trace("fold", fold);
    ctx().trace("accuracies", each);
    ctx().trace("mean_accuracies", mean);
    const torch::Tensor losses = -mean;
    return ridges_[clb::nn::first_minimum({losses.data_ptr<double>(), losses.data_ptr<double>() + losses.numel()})];
  }

  torch::Tensor fold_accuracies(clb::nn::RidgeFolds& regressions, const torch::Tensor& rows, const torch::Tensor& labels) const {
    std::vector<double> accuracies;
    for (torch::Tensor logits : regressions.predict(rows, labels, ridges_)) {
      const bool finite = logits.isfinite().all().item<bool>();
      if (allocated_classes_ > task().classes_seen) logits = torch::cat({logits, torch::zeros({logits.size(0), 1}, logits.options())}, 1);
      const double share = logits.argmax(1).eq(labels).to(torch::kFloat64).mean().item<double>();
      accuracies.push_back(finite ? share : std::numeric_limits<double>::quiet_NaN());
    }
    return torch::tensor(accuracies, torch::kFloat64);
  }

  int64_t blocks_ = 6, folds_ = 4, allocated_classes_ = 0, feature_batch_ = 1024;
  std::vector<double> ridges_ = released_ridges();
  std::string solve_ = "fp64";
  // Defaults: the released code's, with as many prompts as it has.
  clb::nn::TunerOptions tuner_{.prompt_length = 10};
  clb::nn::FitOptions fit_{.optimizer = "adamw", .lr = 3e-3, .weight_decay = 5e-4, .epochs = 20, .batch_size = 48, .schedule = "cosine"};

  clb::AdaptedFeatures features_;
  clb::nn::RidgeStatistics statistics_;
  torch::Tensor weights_;  // [c, k d]
};

}  // namespace

CLB_METHOD(LayUp)
