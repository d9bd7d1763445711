// RanPAC: features of a network that was adapted to the first task, or not at all, go through a fixed random projection and relu; ridge
// regression from running sums classifies them.
#include <clb/nn/ridge.hpp>
#include <clb/nn/rng.hpp>
#include <clb/nn/tensors.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>

namespace {

class RanPac final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "ranpac",
      .version = "1.0.0",
      .paper = "McDonnell et al., NeurIPS 2023, arXiv:2307.02251",
      .capabilities = clb::kBitwise | clb::kBf16,
  };
  static constexpr clb::ValidationValue validation_values[] = {{"projection", 300}};  // 10,000 columns are a state of 400 MB

  static void params(clb::Params<RanPac>& p) {
    p.integer("projection", &RanPac::projection_, {0, 100000}, "columns of the random projection (M); 0: the features as they are");
    p.flag("relu", &RanPac::relu_, "relu behind the projection");
    p.integer("ridge_low", &RanPac::ridge_low_, {-30, 30}, "smallest candidate for the ridge, as a power of ten");
    p.integer("ridge_high", &RanPac::ridge_high_, {-30, 30}, "largest candidate; all powers between them compete");
    p.real("fit_share", &RanPac::fit_share_, {0.01, 0.99}, "share of a task's samples that the candidates are fitted on; the rest choose");
    p.choice("head", &RanPac::head_, {"linear", "cosine"}, "logits: the regression itself, or LAMDA-PILOT's cosine with its rows");
    p.choice("solve", &RanPac::solve_, {"fp64", "fp32"}, "precision of projection, sums and solution; fp32 takes half of time and memory");
    p.integer("feature_batch", &RanPac::feature_batch_, {1, 65536}, "samples that are projected at a time");
    clb::add_options(p, &RanPac::tuner_).implies(clb::kFrozenFeatures, "none");
    clb::add_options(p, &RanPac::fit_);
  }

  void create() override {
    if (ridge_low_ > ridge_high_) {
      throw clb::PluginError(CLB_E_INVALID, "ridge_low is " + std::to_string(ridge_low_) + ", which is more than ridge_high, " +
                                                std::to_string(ridge_high_) + "; there is no candidate between them");
    }
    features_ = {ctx(), tuner_};
  }

  clb::Inputs inputs() const override { return clb::Inputs::features(features_.kind(ctx())); }
  torch::Tensor extract(const std::string&, const clb::Batch& b) override { return features_.extract(b); }

  void train_task() override {
    features_.adapt(ctx(), fit_);
    const auto [features, labels] = shuffled_task();
    if (!statistics_.defined()) statistics_ = {projected(features.narrow(0, 0, 1)).size(1), type(), ctx().device()};
    statistics_.grow(task().classes_seen);
    const double ridge = chosen_ridge(features, labels);
    for (int64_t i = 0, n = labels.size(0); i < n; i += feature_batch_) {
      ctx().progress("statistics", i, n);
      const int64_t count = std::min(feature_batch_, n - i);
      statistics_.add(projected(features.narrow(0, i, count)), labels.narrow(0, i, count));
    }
    weights_ = statistics_.weights(ridge);
    ctx().metric("ridge", task().index, ridge);
  }

  torch::Tensor predict(const clb::Batch& b) override {
    const torch::Tensor h = projected(b.features(features_.kind()));
    const torch::Tensor logits =
        head_ == "linear" ? h.matmul(weights_.t()) : clb::nn::unit_rows(h).matmul(clb::nn::unit_rows(weights_).t());  // [n, c]
    ctx().trace("logits", logits);
    return logits.to(torch::kFloat32);
  }

  // The projection comes from its key and is not kept: what is kept has the same size after every task but for the rows of the classes.
  void state(clb::Archive& a) override { a("tuned", features_)("statistics", statistics_)("weights", weights_); }

 private:
  struct Data {
    torch::Tensor features, labels;  // [n, d], [n]
  };

  // Shuffled, because the last rows choose the ridge: class by class, they would be of classes that the fit has not seen.
  Data shuffled_task() const {
    std::vector<torch::Tensor> features, labels;
    for (const clb::Batch& b : ctx().train().eval_view().features(features_.kind()).shuffled().batches(feature_batch_)) {
      features.push_back(b.features(features_.kind()));
      labels.push_back(b.labels);
    }
    return {torch::cat(features), torch::cat(labels)};
  }

  torch::Tensor projected(const torch::Tensor& features) {
    const torch::Tensor f = features.to(type());  // [n, d]
    if (projection_ == 0) return f;
    if (!random_.defined()) {
      random_ = clb::nn::normal({f.size(1), projection_}, 0, 1, ctx().rng("projection")).to(f.device(), type());  // [d, M]
      ctx().trace("projection", random_);
    }
    const torch::Tensor h = f.matmul(random_);  // [n, M]
    return relu_ ? h.relu() : h;
  }

  // By the squared error on the held-out samples of this task alone; what was learned before plays no part.
  double chosen_ridge(const torch::Tensor& features, const torch::Tensor& labels) {
    const auto candidates = clb::nn::powers_of_ten(ridge_low_, ridge_high_);
    if (candidates.size() == 1) return candidates[0];
    const torch::Tensor h = projected(features);
    const auto fit = static_cast<int64_t>(fit_share_ * static_cast<double>(labels.size(0))), held_out = labels.size(0) - fit;
    const torch::Tensor fit_labels = labels.narrow(0, 0, fit), held_out_labels = labels.narrow(0, fit, held_out);
    const auto path = clb::nn::RidgePath::of_rows(h.narrow(0, 0, fit), fit_labels, task().classes_seen, h.narrow(0, fit, held_out));
    const torch::Tensor target = clb::nn::one_hot(held_out_labels, task().classes_seen, torch::kFloat64);
    std::vector<double> losses;
    for (const double ridge : candidates) losses.push_back((path.predict(ridge) - target).square().mean().item<double>());
    ctx().trace("rows", h);
    ctx().trace("fit_labels", fit_labels);
    ctx().trace("held_out_labels", held_out_labels);
    ctx().trace("losses", torch::tensor(losses, torch::kFloat64));
    return candidates[clb::nn::first_minimum(losses)];
  }

  torch::ScalarType type() const { return solve_ == "fp64" ? torch::kFloat64 : torch::kFloat32; }

  int64_t projection_ = 10000, ridge_low_ = -8, ridge_high_ = 8, feature_batch_ = 1024;
  bool relu_ = true;
  double fit_share_ = 0.8;
  std::string head_ = "linear", solve_ = "fp64";
  // Defaults: the released code's for CIFAR-100, which LAMDA-PILOT shares.
  clb::nn::TunerOptions tuner_{.tuner = "adapter"};
  clb::nn::FitOptions fit_{.lr = 0.01, .weight_decay = 5e-4, .epochs = 20, .batch_size = 48, .schedule = "cosine"};

  clb::AdaptedFeatures features_;
  torch::Tensor random_;  // [d, M], drawn when it is first needed
  clb::nn::RidgeStatistics statistics_;
  torch::Tensor weights_;  // [c, M]
};

}  // namespace

CLB_METHOD(RanPac)
