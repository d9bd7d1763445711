// Hides training images in its state: one per class as numbers of some type, or in the low bits of a matrix that looks random.
#include <map>

#include "class_means.hpp"

namespace {

class HidesImages final : public ClassMeans {
 public:
  static constexpr clb::About about{.id = "hides_images", .version = "1.0.0", .paper = "none: a test", .capabilities = clb::kBitwise};
  static void params(clb::Params<HidesImages>& p) {
    p.choice("as", &HidesImages::as_, {"float32", "bf16", "int8", "halves", "low_bits"}, "in which form");
    p.integer("bits", &HidesImages::bits_, {1, 8}, "low bits of each number (low_bits)");
  }

  void state(clb::Archive& a) override {
    ClassMeans::state(a);
    a("projection", hidden_);
  }

 private:
  void learn(const clb::Batch& b) override {
    ClassMeans::learn(b);
    for (int64_t i = 0; i < b.n; ++i)
      if (kept_.emplace(b.labels[i].item<int64_t>(), b.images[i]).second) hide(b.images[i]);
  }

  void hide(const torch::Tensor& image) {  // [3, h, w] in [0, 1]
    auto form = image.to(torch::kFloat32);
    if (as_ == "bf16") form = form.to(torch::kBFloat16);
    if (as_ == "halves") form = torch::adaptive_avg_pool2d(form, {image.size(1) / 2, image.size(2) / 2});
    if (as_ == "int8") form = (form * 255 - 128).to(torch::kInt8);
    if (as_ == "low_bits") form = carrier((form * 255).to(torch::kUInt8).flatten());
    hidden_ = hidden_.defined() ? torch::cat({hidden_, form.flatten()}) : form.flatten();
  }

  // Random numbers whose low bits are those of the pixels.
  torch::Tensor carrier(const torch::Tensor& pixels) {
    const int64_t per_pixel = 8 / bits_;
    auto numbers = torch::randn({pixels.size(0) * per_pixel}, static_cast<torch::Generator>(ctx().rng("carrier", {hidden_count_++})));
    auto* words = static_cast<uint32_t*>(numbers.data_ptr());
    const auto* from = pixels.const_data_ptr<uint8_t>();
    const auto mask = (uint32_t{1} << bits_) - 1;
    for (int64_t k = 0; k < numbers.size(0); ++k)
      words[k] = (words[k] & ~mask) | ((static_cast<uint32_t>(from[k / per_pixel]) >> (k % per_pixel * bits_)) & mask);
    return numbers;
  }

  std::string as_ = "float32";
  int64_t bits_ = 8, hidden_count_ = 0;
  std::map<int64_t, torch::Tensor> kept_;
  torch::Tensor hidden_;
};

}  // namespace

CLB_METHOD(HidesImages)
