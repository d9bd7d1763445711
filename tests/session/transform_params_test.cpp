#include <clb/base/error.hpp>

#include "support/errors.hpp"
#include "transform_support.hpp"

namespace clb::data {
namespace {

using base::TransformRecipe;
using testing::contains;
using testing::error_of;

TEST(TransformParams, StepsThatAreOffDrawNothing) {
  at::Generator generator = at::detail::createCPUGenerator(1), fresh = at::detail::createCPUGenerator(1);
  const SampleParams params = draw({.resize = 8, .center_crop = 8}, 10, 12, generator);
  EXPECT_EQ(params.crop, Box{});
  EXPECT_FALSE(params.flip);
  EXPECT_TRUE(torch::equal(at::rand({4}, generator), at::rand({4}, fresh)));
}

TEST(TransformParams, FlipIsDrawnAfterTheCropAndHasItsProbability) {
  const auto drawn = [](const TransformRecipe& recipe, uint64_t seed) {
    at::Generator generator = at::detail::createCPUGenerator(seed);
    return draw(recipe, 32, 32, generator);
  };
  int flips = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const SampleParams both = drawn({.random_crop = 28, .flip = 0.25}, seed);
    EXPECT_EQ(both.crop, drawn({.random_crop = 28}, seed).crop);
    EXPECT_TRUE(both.crop.top >= 0 && both.crop.top <= 4 && both.crop.left >= 0 && both.crop.left <= 4);
    flips += both.flip;
  }
  EXPECT_NEAR(flips, 100, 35);
}

TEST(TransformParams, AfterTenFailuresTheBoxIsCentredWithAClampedRatio) {
  at::Generator generator = at::detail::createCPUGenerator(3);
  const TransformRecipe recipe{.random_resized_crop = 8, .scale = {1.0, 1.0}};  // an area that a long image cannot offer
  EXPECT_EQ(draw(recipe, 10, 100, generator).crop, (Box{0, 43, 10, 13}));
  EXPECT_EQ(draw(recipe, 100, 10, generator).crop, (Box{43, 0, 13, 10}));
}

TEST(TransformParams, CenterOffsetRoundsHalfToEvenAndPadsByHalf) {
  EXPECT_EQ(center_offset(11, 8), 2);  // 1.5
  EXPECT_EQ(center_offset(13, 8), 2);  // 2.5
  EXPECT_EQ(center_offset(5, 8), -1);
}

TEST(TransformParams, MistakesAreNamed) {
  const auto mistake = [](const TransformRecipe& recipe) { return error_of<base::Error>([&] { Transform{recipe}; }); };
  EXPECT_TRUE(contains(mistake({.name = "r", .center_crop = 8, .random_crop = 8}), "transform \"r\": center_crop, random_crop"));
  EXPECT_TRUE(contains(mistake({.resampler = "float", .jitter = {0.1, 0, 0, 0}}), "resampler = \"pil\""));
  EXPECT_TRUE(contains(mistake({.interpolation = "cubic"}), "bicubic or bilinear"));
  EXPECT_TRUE(contains(mistake({.jitter = {0, 0, 0, 0.1}}), "hue"));
  at::Generator generator = at::detail::createCPUGenerator(3);
  EXPECT_TRUE(contains(error_of<base::Error>([&] { draw({.random_crop = 28}, 20, 40, generator); }), "28 pixels does not fit"));
}

}  // namespace
}  // namespace clb::data
