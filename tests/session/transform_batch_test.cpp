#include <clb/base/error.hpp>
#include <thread>

#include "support/errors.hpp"
#include "transform_support.hpp"

namespace clb::data {
namespace {

using base::TransformRecipe;
using torch::Tensor;

std::vector<SampleParams> drawn(const TransformRecipe& recipe, const std::vector<Tensor>& images) {
  std::vector<SampleParams> params;
  for (size_t i = 0; i < images.size(); ++i) {
    at::Generator generator = at::detail::createCPUGenerator(100 + i);
    params.push_back(draw(recipe, images[i].size(0), images[i].size(1), generator));
  }
  return params;
}

// Both implementations on a batch are equal, and each sample is what it is alone.
void expect_batch_equals_singles(const TransformRecipe& recipe, const std::vector<Tensor>& images) {
  const std::vector<SampleParams> params = drawn(recipe, images);
  const Tensor kernels = apply(recipe, images, params, Path::kKernels), batched = apply(recipe, images, params, Path::kBatched);
  if (recipe.resampler == "pil") {
    EXPECT_TRUE(torch::equal(kernels, batched)) << recipe.name;
  } else {
    EXPECT_LE((kernels - batched).abs().max().item<double>(), 3e-6 * kernels.abs().max().item<double>()) << recipe.name;
  }
  for (size_t i = 0; i < images.size(); ++i) {
    EXPECT_TRUE(torch::equal(kernels[i], apply(recipe, images[i], Path::kKernels, params[i]))) << recipe.name << " " << i;
  }
}

TEST(TransformBatch, EachSampleHasItsOwnBoxAndFlip) {
  const TransformRecipe recipe{.name = "rrc", .random_resized_crop = 24, .flip = 0.5};
  const Tensor image = noise(32, 32);
  const std::vector<SampleParams> params{{.crop = {0, 0, 16, 16}}, {.crop = {10, 12, 20, 15}, .flip = true}};
  for (const Path path : kPaths) {
    const Tensor both = apply(recipe, {image, image}, params, path);
    EXPECT_FALSE(torch::equal(both[0], both[1]));
    for (int i = 0; i < 2; ++i) {
      const Box& box = params[i].crop;
      // The box as an image of its own, resized, then flipped.
      const Tensor part = image.narrow(0, box.top, box.height).narrow(1, box.left, box.width).contiguous();
      Tensor want = apply({.resize = 24, .resize_square = true}, part, path);
      if (params[i].flip) want = want.flip(2);
      EXPECT_TRUE(torch::equal(both[i], want)) << name_of(path) << " " << i;
    }
  }
}

TEST(TransformBatch, KernelsAndBatchedAgreeOnMixedSizesAndGrey) {
  const std::vector<Tensor> images{noise(32, 32), noise(40, 61), noise(57, 33, 1), noise(28, 28, 1), noise(90, 120)};
  for (const std::string resampler : {"pil", "float"}) {
    for (const std::string interpolation : {"bicubic", "bilinear"}) {
      TransformRecipe r{.resampler = resampler, .interpolation = interpolation, .mean = {0.4, 0.5, 0.6}, .std = {0.2, 0.3, 0.25}};
      const auto check = [&](const char* name, auto change) {
        TransformRecipe recipe = r;
        recipe.name = std::string(name) + " " + resampler + " " + interpolation;
        change(recipe);
        expect_batch_equals_singles(recipe, images);
      };
      check("eval", [](auto& x) { x.resize = 36, x.center_crop = 30; });
      check("square", [](auto& x) { x.resize = 30, x.resize_square = true; });
      check("rrc", [](auto& x) { x.random_resized_crop = 40, x.flip = 0.5; });
      check("resize rrc", [](auto& x) { x.resize = 48, x.random_resized_crop = 40, x.flip = 0.5; });
      check("resize rc", [](auto& x) { x.resize = 48, x.random_crop = 40, x.flip = 0.5; });
      check("rc", [](auto& x) { x.random_crop = 24; });
      check("padded", [](auto& x) { x.center_crop = 64; });
      check("wide", [](auto& x) { x.resize = 24, x.resize_square = true, x.resize_width = 40; });
      check("wide crop", [](auto& x) { x.resize = 36, x.center_crop = 24, x.crop_width = 32; });
      check("wide rrc", [](auto& x) { x.random_resized_crop = 24, x.crop_width = 40, x.flip = 0.5; });
      check("wide rc", [](auto& x) { x.resize = 48, x.random_crop = 40, x.crop_width = 24, x.flip = 0.5; });
      if (resampler == "pil")
        check("jitter", [](auto& x) { x.resize = 48, x.random_crop = 40, x.flip = 0.5, x.jitter = {0.3, 0.3, 0.3, 0}; });
    }
  }
}

TEST(TransformBatch, ResizeThenRandomResizedCropRoundsInBetween) {
  const Tensor image = noise(32, 45);
  const SampleParams params{.crop = {5, 7, 40, 31}};
  const Tensor larger = (apply({.resize = 64}, image, Path::kKernels) * 255).round().to(torch::kUInt8).permute({1, 2, 0}).contiguous();
  for (const Path path : kPaths) {
    EXPECT_TRUE(torch::equal(apply({.resize = 64, .random_resized_crop = 48}, image, path, params),
                             apply({.random_resized_crop = 48}, larger, path, params)));
  }
}

TEST(TransformBatch, HeightAndWidthAreTheOnesThatWereSaid) {
  const Tensor image = noise(20, 40);
  for (const Path path : kPaths) {
    const Tensor cropped = apply({.center_crop = 10, .crop_width = 24}, image, path);
    EXPECT_TRUE(torch::equal(cropped, as_values(image).slice(1, 5, 15).slice(2, 8, 32)));
    const Tensor box = apply({.random_crop = 8, .crop_width = 12}, image, path, {.crop = {3, 7, 8, 12}});
    EXPECT_TRUE(torch::equal(box, as_values(image).slice(1, 3, 11).slice(2, 7, 19)));
    EXPECT_EQ(apply({.resize = 16, .resize_square = true, .resize_width = 48}, image, path).sizes(), torch::IntArrayRef({3, 16, 48}));
    EXPECT_TRUE(torch::equal(apply({.resize = 20, .resize_square = true, .resize_width = 40}, image, path), as_values(image)));
  }
}

TEST(TransformBatch, CentreCropPadsWithBlack) {
  const Tensor image = noise(5, 40);
  for (const Path path : kPaths) {
    const Tensor got = apply({.center_crop = 10}, image, path);
    EXPECT_EQ(got.slice(1, 0, 2).abs().max().item<float>(), 0);
    EXPECT_EQ(got.slice(1, 7).abs().max().item<float>(), 0);
    EXPECT_TRUE(torch::equal(got.slice(1, 2, 7), as_values(image).slice(2, 15, 25)));
  }
}

TEST(TransformBatch, BFloat16IsTheRoundedFloat32) {
  const TransformRecipe pil{.resize = 20, .mean = {0.485, 0.456, 0.406}, .std = {0.229, 0.224, 0.225}};
  TransformRecipe other = pil;
  other.resampler = "float";
  for (const TransformRecipe& recipe : {pil, other}) {
    const std::vector<Tensor> images{noise(16, 16), noise(31, 31)};
    for (const Path path : kPaths) {
      const Tensor half = apply(recipe, images, {{}, {}}, path, torch::kBFloat16);
      EXPECT_TRUE(torch::equal(half, apply(recipe, images, {{}, {}}, path).to(torch::kBFloat16))) << name_of(path);
    }
  }
}

TEST(TransformBatch, ThreadsShareATransform) {
  const TransformRecipe recipe{.random_resized_crop = 24, .flip = 0.5};
  const Transform transform(recipe);
  std::vector<Tensor> images;
  for (int i = 0; i < 16; ++i) images.push_back(noise(32, 32));
  const std::vector<SampleParams> params = drawn(recipe, images);
  const Tensor want = apply(recipe, images, params, Path::kKernels);
  std::vector<ImageView> views;
  for (const Tensor& image : images) views.push_back(view(image));
  std::vector<Tensor> got(4);
  {
    std::vector<std::jthread> threads;
    for (Tensor& out : got) {
      threads.emplace_back([&] {
        out = torch::empty({16, 3, 24, 24});
        for (int repeat = 0; repeat < 5; ++repeat) transform.apply(views, params, out);
      });
    }
  }
  for (const Tensor& out : got) EXPECT_TRUE(torch::equal(out, want));
}

TEST(TransformBatch, ResultsOfDifferentSizeAreRefused) {
  const std::string sentence = testing::error_of<base::Error>([] {
    apply({.name = "r", .resize = 8}, {noise(16, 16), noise(16, 20)}, {{}, {}}, Path::kKernels);
  });
  EXPECT_EQ(sentence,
            "transform \"r\": an image of 16 x 20 pixels becomes 8 x 10, but the batch has 8 x 8; end the recipe with a crop when the "
            "images differ in size");
}

}  // namespace
}  // namespace clb::data
