// FeCAM: the nearest class mean in a Mahalanobis distance of each class's own, whose covariances are shrunk and brought to unit variance.
// Features are the frozen network's, or, as LAMDA-PILOT has it, of one that was adapted to the first task.
#include <clb/nn/class_statistics.hpp>
#include <clb/nn/tensors.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>

namespace {

class FeCam final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "fecam",
      .version = "1.0.0",
      .paper = "Goswami et al., NeurIPS 2023, arXiv:2309.14062",
      .capabilities = clb::kBitwise | clb::kBf16,
  };

  static void params(clb::Params<FeCam>& p) {
    p.choice("variant", &FeCam::variant_, {"official", "pilot"}, "the released code, or LAMDA-PILOT's, which departs from it");
    p.real("shrink_diagonal", &FeCam::shrink_diagonal_, {0, 1e6}, "added to variances, times their mean (alpha_1)");
    p.real("shrink_off_diagonal", &FeCam::shrink_off_diagonal_, {0, 1e6}, "added to covariances, times their mean (alpha_2)");
    p.flag("unit_variance", &FeCam::unit_variance_, "bring covariances to correlations, so that the classes' distances are comparable");
    p.choice("covariance", &FeCam::covariance_, {"class", "common"}, "each class's own, or the mean of those of all classes");
    p.real("tukey", &FeCam::tukey_, {0.01, 1}, "power of the features (beta), which must not be negative then; 1: as they are");
    p.real("pilot_shrinkage", &FeCam::pilot_shrinkage_, {0, 1e6}, "variant pilot: added to variances, in place of the other two");
    p.integer("feature_batch", &FeCam::feature_batch_, {1, 65536}, "features per batch of the statistics pass");
    clb::add_options(p, &FeCam::tuner_).implies(clb::kFrozenFeatures | clb::kStatisticsOnly, "none");
    clb::add_options(p, &FeCam::fit_);
  }

  void create() override { features_ = {ctx(), tuner_}; }

  clb::Inputs inputs() const override { return clb::Inputs::features(features_.kind(ctx())); }
  torch::Tensor extract(const std::string&, const clb::Batch& b) override { return features_.extract(b); }

  void train_task() override {
    features_.adapt(ctx(), fit_);
    const std::string& kind = features_.kind();
    statistics_.grow(task().classes_seen, ctx().feature_dim(kind.c_str()), ctx().device());
    for (const clb::Batch& b : ctx().train().eval_view().features(kind).batches(feature_batch_))
      statistics_.add(pilot() ? b.features(kind) : prepared(b.features(kind)), b.labels);
    for (const int64_t c : task().labels) metrics_.erase(c);
    if (covariance_ == "common") metrics_.clear();
    prepare_metrics();
  }

  torch::Tensor predict(const clb::Batch& b) override {
    prepare_metrics();                                                                         // after load there are none
    const torch::Tensor x = prepared(b.features(features_.kind())), means = compared_means();  // [n, d], [c, d]
    std::vector<torch::Tensor> distances;
    for (int64_t c = 0; c < task().classes_seen; ++c) {
      const torch::Tensor difference = (x - means[c]).to(torch::kFloat64);  // in float32 before, as in the reference
      distances.push_back((difference.matmul(metrics_.at(c)) * difference).sum(1));
    }
    const torch::Tensor logits = -torch::stack(distances, 1);  // [n, c]
    ctx().trace("logits", logits);
    return logits.to(torch::kFloat32);
  }

  void state(clb::Archive& a) override { a("tuned", features_)("statistics", statistics_); }

 private:
  bool pilot() const { return variant_ == "pilot"; }

  // Unit length. LAMDA-PILOT takes its statistics from raw features and normalises what it compares.
  torch::Tensor prepared(const torch::Tensor& features) const {
    if (tukey_ == 1) return clb::nn::unit_rows(features);
    if (features.lt(0).any().item<bool>()) {
      throw clb::PluginError(CLB_E_INVALID, "a feature is negative, but tukey is " + std::to_string(tukey_) + "; set it to 1");
    }
    return clb::nn::unit_rows(features.pow(tukey_));
  }

  torch::Tensor compared_means() const {
    const torch::Tensor means = statistics_.means().to(torch::kFloat32);
    return pilot() ? clb::nn::unit_rows(means) : means;
  }

  void prepare_metrics() {
    const bool common = covariance_ == "common";
    for (int64_t c = 0; c < task().classes_seen; ++c) {
      if (metrics_.contains(c)) continue;
      ctx().progress("covariances", c, task().classes_seen);
      metrics_[c] = common && c > 0 ? metrics_.at(0) : inverse_of(normalised(common ? mean_covariance() : statistics_.covariance(c)));
    }
  }

  torch::Tensor mean_covariance() const {
    torch::Tensor sum = statistics_.covariance(0);
    for (int64_t c = 1; c < statistics_.classes(); ++c) sum += statistics_.covariance(c);
    return sum / statistics_.classes();
  }

  torch::Tensor normalised(const torch::Tensor& covariance) const {  // [d, d]
    ctx().trace("covariance", covariance);
    if (pilot()) {
      // Correlations between the rows of the shrunk covariance, as if it were data: what LAMDA-PILOT does, and singular.
      const torch::Tensor shrunk = covariance + pilot_shrinkage_ * torch::eye(covariance.size(0), covariance.options());
      return trace("normalised", torch::corrcoef(shrunk));
    }
    const torch::Tensor shrunk = trace("shrunk", clb::nn::shrunk(covariance, shrink_diagonal_, shrink_off_diagonal_));
    return unit_variance_ ? trace("normalised", clb::nn::correlation(shrunk)) : shrunk;
  }

  // The reference takes the pseudo-inverse; where the matrix is safely positive definite the inverse is the same and much cheaper.
  static torch::Tensor inverse_of(const torch::Tensor& matrix) {
    const auto [factor, info] = at::linalg_cholesky_ex(matrix);
    constexpr double kSafe = 1e-5;  // of the diagonal, against its largest entry
    const bool safe = info.item<int>() == 0 && (factor.diagonal().min() > kSafe * factor.diagonal().max()).item<bool>();
    return safe ? at::cholesky_inverse(factor)
                : at::linalg_pinv(matrix, std::optional<double>(), std::optional<double>(), /*hermitian=*/true);
  }

  torch::Tensor trace(const char* name, const torch::Tensor& t) const {
    ctx().trace(name, t);
    return t;
  }

  std::string variant_ = "official", covariance_ = "class";
  double shrink_diagonal_ = 1, shrink_off_diagonal_ = 0, tukey_ = 1, pilot_shrinkage_ = 100;
  bool unit_variance_ = true;
  int64_t feature_batch_ = 1024;
  // The released code tunes nothing; with a tuner, LAMDA-PILOT's defaults.
  clb::nn::TunerOptions tuner_;
  clb::nn::FitOptions fit_{.lr = 0.01, .weight_decay = 5e-4, .epochs = 20, .batch_size = 48, .schedule = "cosine"};

  clb::AdaptedFeatures features_;
  clb::nn::ClassCovariances statistics_;
  std::map<int64_t, torch::Tensor> metrics_;  // class -> the inverse [d, d] that its distances are taken in
};

}  // namespace

CLB_METHOD(FeCam)
