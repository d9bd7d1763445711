#include "golden/golden.hpp"
#include "transform_support.hpp"

namespace clb::data {
namespace {

using torch::Tensor;

constexpr std::array<const char*, 3> kOps{"brightness", "contrast", "saturation"};
constexpr std::array<const char*, 3> kConfig{"bright", "con", "sat"};

TEST(JitterGolden, Operations) {
  CLB_GOLDEN(golden, "transforms_jitter");
  const Tensor image = golden["u8"];
  for (size_t op = 0; op < kOps.size(); ++op) {
    const base::Json& factors = golden.config()[kConfig[op]];
    for (size_t k = 0; k < factors.size(); ++k) {
      SampleParams params;
      params.jitter_factor[op] = factors[k];
      const std::string key = std::string(kOps[op]) + "." + std::to_string(k);
      for (const Path path : kPaths) {
        golden.close_to(key, as_values(golden[key]), apply({.jitter = {1, 1, 1, 0}}, image, path, params), 0);
      }
    }
  }
  golden.expect_all_compared({"u8", "hue.", "applied.", "params."});
}

// The hue is drawn last, so that recipes without it draw the same numbers for the others.
TEST(JitterGolden, Parameters) {
  CLB_GOLDEN(golden, "transforms_jitter");
  for (const auto& [key, jitter] :
       std::map<std::string, std::array<double, 4>>{{"params.0", {63.0 / 255, 0, 0, 0}}, {"params.1", {0.1, 0.1, 0.1, 0}}}) {
    Tensor rows = golden[key];  // rows seed, order 0..3, brightness, contrast, saturation, hue
    for (Tensor row : rows.unbind(0)) {
      at::Generator generator = at::detail::createCPUGenerator(static_cast<uint64_t>(row[0].item<double>()));
      const SampleParams params = draw({.jitter = jitter}, 36, 30, generator);
      for (int i = 0; i < 4; ++i) row[1 + i] = static_cast<double>(params.jitter_order[i]);
      for (int i = 0; i < 3; ++i) row[5 + i] = jitter[i] > 0 ? params.jitter_factor[i] : 0;
    }
    golden.close(key, rows, 5e-9);
  }
}

// All orders and factors in one batch: both implementations agree, and operations apply one after another to 8-bit images.
TEST(Jitter, EachSampleHasItsOwnOrderAndFactors) {
  const base::TransformRecipe recipe{.jitter = {0.5, 0.5, 0.5, 0}};
  std::vector<Tensor> images;
  std::vector<SampleParams> params;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    at::Generator generator = at::detail::createCPUGenerator(seed);
    images.push_back(noise(9, 11));
    params.push_back(draw(recipe, 9, 11, generator));
  }
  const Tensor kernels = apply(recipe, images, params, Path::kKernels);
  EXPECT_TRUE(torch::equal(kernels, apply(recipe, images, params, Path::kBatched)));
  for (size_t i = 0; i < images.size(); ++i) {
    Tensor image = images[i];
    for (const int64_t op : params[i].jitter_order) {
      if (op == 3) continue;
      SampleParams one;
      one.jitter_factor[op] = params[i].jitter_factor[op];
      image = (apply(recipe, image, Path::kKernels, one) * 255).round().to(torch::kUInt8).permute({1, 2, 0}).contiguous();
    }
    EXPECT_TRUE(torch::equal(kernels[i], as_values(image))) << i;
  }
}

}  // namespace
}  // namespace clb::data
