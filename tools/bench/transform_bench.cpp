// Speed of the image transform on one core: CIFAR's 32 x 32 to 224 x 224, bicubic, normalised, against LibTorch's own resampling (float32,
// antialiased, without Pillow's rounding) of the same images in the same run.
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <chrono>
#include <clb/data/transform.hpp>
#include <cstdio>
#include <vector>

namespace {

using clb::base::TransformRecipe;
using clb::data::ImageView;
using clb::data::SampleParams;
using clb::data::Transform;

constexpr int64_t kImages = 64;

// Images per second, the best of 15 rounds.
template <class Work>
double rate(Work work) {
  double best = 1e9;
  for (int round = 0; round < 15; ++round) {
    const auto start = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return kImages / best;
}

}  // namespace

int main() {
  at::set_num_threads(1);
  const c10::InferenceMode inference;
  const torch::Tensor pixels = torch::randint(256, {kImages, 32, 32, 3}, torch::kUInt8);
  std::vector<ImageView> views;
  for (int64_t i = 0; i < kImages; ++i) views.push_back({pixels[i].const_data_ptr<uint8_t>(), 32, 32, 3});

  const torch::Tensor mean = torch::tensor({0.485, 0.456, 0.406}, torch::kFloat32).view({3, 1, 1});
  const torch::Tensor std = torch::tensor({0.229, 0.224, 0.225}, torch::kFloat32).view({3, 1, 1});
  const double baseline = rate([&] {
    for (int64_t i = 0; i < kImages; ++i) {
      const torch::Tensor values = pixels[i].permute({2, 0, 1}).unsqueeze(0).to(torch::kFloat32).div(255);
      (void)((at::_upsample_bicubic2d_aa(values, {224, 224}, false) - mean) / std);
    }
  });
  std::printf("%-44s %9.0f images/s\n", "LibTorch float32 bicubic, one core", baseline);

  TransformRecipe eval{.resize = 224, .mean = {0.485, 0.456, 0.406}, .std = {0.229, 0.224, 0.225}};
  TransformRecipe train = eval;
  train.resize = 0;
  train.random_resized_crop = 224;
  train.flip = 0.5;
  for (const auto& [name, recipe, dtype] :
       {std::tuple("eval, resize 224, float32", eval, torch::kFloat32), std::tuple("eval, resize 224, bfloat16", eval, torch::kBFloat16),
        std::tuple("train, random resized crop 224, float32", train, torch::kFloat32)}) {
    const Transform transform(recipe);
    torch::Tensor out = torch::empty({kImages, 3, 224, 224}, dtype);
    std::vector<SampleParams> params(kImages);
    const double speed = rate([&] {
      for (int64_t i = 0; recipe.random() && i < kImages; ++i) {
        at::Generator generator = at::detail::createCPUGenerator(static_cast<uint64_t>(i));
        params[i] = clb::data::draw(recipe, 32, 32, generator);
      }
      transform.apply(views, params, out);
    });
    std::printf("%-44s %9.0f images/s  %.3f ms each  %.1f x LibTorch\n", name, speed, 1e3 / speed, speed / baseline);
  }
  return 0;
}
