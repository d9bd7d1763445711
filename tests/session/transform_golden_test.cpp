#include <clb/data/transform.hpp>

#include "golden/golden.hpp"
#include "transform_support.hpp"

namespace clb::data {
namespace {

using base::TransformRecipe;
using torch::Tensor;

// The formula image of the fixture, which does not store it.
Tensor big_image(const base::Json& config) {
  const int64_t h = config["size"][0], w = config["size"][1], p0 = config["p"][0], p1 = config["p"][1], p2 = config["p"][2];
  Tensor image = torch::empty({h, w, 3}, torch::kUInt8);
  auto pixel = image.accessor<uint8_t, 3>();
  for (int64_t y = 0; y < h; ++y) {
    for (int64_t x = 0; x < w; ++x) {
      for (int64_t c = 0; c < 3; ++c) pixel[y][x][c] = static_cast<uint8_t>((y * p0 + x * p1 + c * p2) ^ ((y * x) >> 5));
    }
  }
  return image;
}

Tensor image_of(const golden::Golden& golden, const std::string& name) {
  return name == "big" ? big_image(golden.config()["big"]) : golden[name + ".u8"];
}

// Pillow's bytes and the differences of LibTorch's float resampling from them, as the fixture lists them under `key`.
void compare(golden::Golden& golden, const std::string& key, TransformRecipe recipe, const Tensor& image, const SampleParams& params) {
  const Tensor want = as_values(golden[key]);
  for (const Path path : kPaths) golden.close_to(key, want, apply(recipe, image, path, params), 0);
  recipe.resampler = "float";
  for (const Path path : kPaths) {
    recipe.antialias = true;
    const Tensor antialiased = apply(recipe, image, path, params);
    if (golden.has(key + ".float_aa")) golden.close(key + ".float_aa", antialiased);
    const auto difference = [&](const Tensor& values) { return (values - want).abs().max().reshape({1}); };
    golden.close(key + ".maxdiff", difference(antialiased), 3e-6);
    if (golden.has(key + ".maxdiff_clamped")) golden.close(key + ".maxdiff_clamped", difference(antialiased.clamp(0, 1)), 3e-6);
    recipe.antialias = false;
    if (golden.has(key + ".maxdiff_noaa")) golden.close(key + ".maxdiff_noaa", difference(apply(recipe, image, path, params)), 3e-6);
  }
}

TEST(TransformGolden, Resampling) {
  CLB_GOLDEN(golden, "transforms");
  const base::Json& config = golden.config();
  const int64_t shorter = config["short"], crop = config["crop"];
  EXPECT_EQ(big_image(config["big"]).sum().item<int64_t>(), golden["big.sum"][0].item<int64_t>());
  for (const auto& [name, boxes] : config["boxes"].items()) {
    const Tensor image = image_of(golden, name);
    for (const std::string interpolation : {"bicubic", "bilinear"}) {
      TransformRecipe recipe{.name = "golden", .interpolation = interpolation, .resize = shorter, .center_crop = crop};
      compare(golden, name + ".resize" + std::to_string(shorter) + "_crop" + std::to_string(crop) + "_" + interpolation, recipe, image, {});
      recipe = {.name = "golden", .interpolation = interpolation, .random_resized_crop = crop};
      for (size_t k = 0; k < boxes.size(); ++k) {
        const auto& b = boxes[k];
        compare(golden, name + ".rrc" + std::to_string(k) + "_" + interpolation, recipe, image, {.crop = {b[0], b[1], b[2], b[3]}});
      }
    }
    const auto [h, w] = resized({.resize = shorter}, image.size(0), image.size(1));
    golden.equal(name + ".resized_hw", torch::tensor({h, w}));
  }
  golden.expect_all_compared({"s32.u8", "s48x40.u8", "s37x61.u8", "big.sum", "rrc", "sizes", "norm."});
}

TEST(TransformGolden, SizesAndRandomBoxes) {
  CLB_GOLDEN(golden, "transforms");
  Tensor sizes = golden["sizes"];  // rows h, w, n, resized h, resized w, top, left of the centre crop of 224
  for (Tensor row : sizes.unbind(0)) {
    const auto [h, w] = resized({.resize = row[2].item<int64_t>()}, row[0].item<int64_t>(), row[1].item<int64_t>());
    row.slice(0, 3).copy_(torch::tensor({h, w, center_offset(h, 224), center_offset(w, 224)}));
  }
  golden.equal("sizes", sizes);
  const Tensor image_sizes = golden["rrc_sizes"];
  for (const std::string kind : {"rrc.", "rrc_default."}) {
    const TransformRecipe recipe{.random_resized_crop = 224, .scale = {kind == "rrc." ? 0.05 : 0.08, 1.0}};
    for (int64_t k = 0; k < image_sizes.size(0); ++k) {
      Tensor rows = golden[kind + std::to_string(k)];  // rows seed, top, left, height, width
      for (Tensor row : rows.unbind(0)) {
        at::Generator generator = at::detail::createCPUGenerator(static_cast<uint64_t>(row[0].item<int64_t>()));
        const Box box = draw(recipe, image_sizes[k][0].item<int64_t>(), image_sizes[k][1].item<int64_t>(), generator).crop;
        row.slice(0, 1).copy_(torch::tensor({box.top, box.left, box.height, box.width}));
      }
      golden.equal(kind + std::to_string(k), rows);
    }
  }
}

TEST(TransformGolden, NormaliseAndFlip) {
  CLB_GOLDEN(golden, "transforms");
  const Tensor image = golden["norm.u8"];
  for (const Path path : kPaths) {
    golden.equal("norm.to_tensor", apply({}, image, path));
    golden.close_to("norm.flip", as_values(golden["norm.flip"]), apply({.flip = 1}, image, path, {.flip = true}), 0);
    for (const auto& [name, mean_std] : golden.with_prefix("norm.")) {
      if (!name.ends_with(".mean_std")) continue;
      const std::string kind = "norm." + name.substr(0, name.size() - 9);
      TransformRecipe recipe;
      for (int c = 0; c < 3; ++c) {
        recipe.mean[c] = mean_std[0][c].item<double>();
        recipe.std[c] = mean_std[1][c].item<double>();
      }
      golden.equal(kind, apply(recipe, image, path));
    }
  }
}

TEST(TransformGolden, Enlargement) {
  CLB_GOLDEN(golden, "transforms_224");
  const Tensor image = golden["u8"];
  const int64_t size = golden.config()["size"];
  const auto every7 = [](const Tensor& values) { return values.slice(1, 0, values.size(1), 7).slice(2, 0, values.size(2), 7); };
  const auto sum = [](const Tensor& values) { return (values * 255).round().sum(torch::kFloat64).reshape({1}); };
  for (const Path path : kPaths) {
    TransformRecipe recipe{.interpolation = "bicubic", .resize = size};
    const Tensor bicubic = apply(recipe, image, path), want = as_values(golden["resize224_bicubic"]);
    golden.close_to("resize224_bicubic", want, bicubic, 0);
    recipe.resampler = "float";
    golden.close("maxdiff", (apply(recipe, image, path) - want).abs().max().reshape({1}), 3e-6);
    const Tensor cropped = apply({.interpolation = "bicubic", .resize = 256, .center_crop = size}, image, path);
    golden.close_to("resize256_crop224_bicubic.every7", as_values(golden["resize256_crop224_bicubic.every7"]), every7(cropped), 0);
    golden.equal("resize256_crop224_bicubic.sum", sum(cropped));
    const Tensor bilinear = apply({.interpolation = "bilinear", .resize = size}, image, path);
    golden.close_to("resize224_bilinear.every7", as_values(golden["resize224_bilinear.every7"]), every7(bilinear), 0);
    golden.equal("resize224_bilinear.sum", sum(bilinear));
  }
  golden.expect_all_compared({"u8"});
}

}  // namespace
}  // namespace clb::data
