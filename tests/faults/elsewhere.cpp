// Nearest class mean that keeps what it needs outside its state, or waits for large batches: what the second look has to notice.
#include <unistd.h>

#include <clb/nn/tensors.hpp>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace {

using torch::Tensor;

Tensor g_means;          // trick "static"
bool g_trained = false;  // in this process

class Elsewhere final : public clb::Method {
 public:
  static constexpr clb::About about{
      .id = "elsewhere", .version = "1.0.0", .paper = "none: a test", .capabilities = clb::kBitwise | clb::kBf16};

  static void params(clb::Params<Elsewhere>& p) {
    p.choice("trick", &Elsewhere::trick_, {"none", "static", "file", "environment", "big_batch", "served", "refuses"},
             "where the means are, or what predictions depend on");
    p.flag("by_batch", &Elsewhere::by_batch_, "predictions depend on the test batch, and it says so").implies(clb::kBatchDependent, true);
  }

  clb::Inputs inputs() const override { return clb::Inputs::features("main:cls"); }

  void train_task() override {
    const int64_t d = ctx().feature_dim("main:cls");
    sums_ = clb::nn::grow_rows(sums_, task().classes_seen, d, ctx().device());
    counts_ = clb::nn::grow_rows(counts_, task().classes_seen, 1, ctx().device());
    for (const clb::Batch& b : ctx().train().eval_view().features("main:cls").batches(64)) {
      sums_.index_add_(0, b.labels, b.features("main:cls").to(torch::kFloat64));
      counts_.index_add_(0, b.labels, torch::ones({b.n, 1}, counts_.options()));
    }
    put_away((sums_ / counts_.clamp_min(1)).to(torch::kFloat64).contiguous());
  }

  Tensor predict(const clb::Batch& b) override {
    Tensor x = b.features("main:cls").to(torch::kFloat64), m = means(x.size(1));
    if (by_batch_) x = x - x.mean(0) + m.mean(0);
    if ((trick_ == "big_batch" && b.n >= 48) || (trick_ == "served" && served_ >= 32)) x = -x;
    served_ += b.n;
    return (x.matmul(m.t()) - m.square().sum(1) / 2).to(torch::kFloat32);
  }

  void state(clb::Archive& a) override {
    if (trick_ == "refuses" && !g_trained) throw clb::PluginError(CLB_E_STATE, "this state is for nobody");
    if (trick_ == "none" || trick_ == "big_batch" || trick_ == "served" || trick_ == "refuses") a("sums", sums_)("counts", counts_);
  }

 private:
  std::string path() const { return (std::filesystem::path("/tmp") / ("clb_elsewhere_" + std::to_string(getuid()))).string(); }

  void put_away(const Tensor& m) {
    g_trained = true;
    if (trick_ == "static") g_means = m;
    const std::string bytes(static_cast<const char*>(m.const_data_ptr()), m.nbytes());
    if (trick_ == "file") std::ofstream(path(), std::ios::binary) << bytes;
    if (trick_ == "environment") {
      std::string hex;
      for (unsigned char c : bytes) {
        hex += "0123456789abcdef"[c >> 4];
        hex += "0123456789abcdef"[c & 15];
      }
      setenv("CLB_ELSEWHERE", hex.c_str(), 1);
    }
  }

  Tensor means(int64_t d) const {
    const int64_t classes = task().classes_seen;
    if (trick_ == "static") return g_means.defined() ? g_means : torch::zeros({classes, d}, torch::kFloat64);
    if (trick_ != "file" && trick_ != "environment") return sums_ / counts_.clamp_min(1);
    std::string bytes;
    if (trick_ == "file") {
      std::ifstream in(path(), std::ios::binary);
      bytes.assign(std::istreambuf_iterator<char>(in), {});
    } else if (const char* hex = std::getenv("CLB_ELSEWHERE")) {
      for (; hex[0] && hex[1]; hex += 2) bytes += static_cast<char>(std::stoi(std::string(hex, 2), nullptr, 16));
    }
    Tensor m = torch::zeros({classes, d}, torch::kFloat64);
    if (bytes.size() == m.nbytes()) std::memcpy(m.mutable_data_ptr(), bytes.data(), bytes.size());
    return m;
  }

  std::string trick_ = "none";
  bool by_batch_ = false;
  Tensor sums_, counts_;
  int64_t served_ = 0;
};

}  // namespace

CLB_METHOD(Elsewhere)
