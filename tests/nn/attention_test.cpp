// Attention in bfloat16 against the same numbers in float32; on a processor without bfloat16 products the plain steps are compared.
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <clb/nn/attention.hpp>

#include "cpu/attention_bf16.hpp"

namespace {

using clb::nn::attend;
using torch::Tensor;

Tensor random(int64_t n, int64_t t, int64_t d, uint64_t seed) {
  return at::randn({n, t, d}, at::detail::createCPUGenerator(seed)).to(torch::kBFloat16);
}

Tensor in_float32(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads) {
  return attend(q.to(torch::kFloat32), k.to(torch::kFloat32), v.to(torch::kFloat32), heads);
}

struct Case {
  int64_t n, queries, keys, heads, width;
};

TEST(AttentionInBfloat16, EqualsFloat32UpToRounding) {
  const torch::InferenceMode guard;
  for (const auto& [n, queries, keys, heads, width] :
       {Case{2, 197, 197, 3, 64}, Case{3, 50, 50, 12, 64}, Case{1, 1, 1, 1, 16}, Case{2, 5, 33, 2, 32}, Case{2, 73, 16, 1, 48},
        Case{1, 145, 7, 2, 64}, Case{2, 9, 31, 2, 24}}) {
    SCOPED_TRACE(std::to_string(queries) + " queries, " + std::to_string(keys) + " keys, width " + std::to_string(width));
    const int64_t d = heads * width;
    const Tensor q = random(n, queries, d, 1), k = random(n, keys, d, 2), v = random(n, keys, d, 3), got = attend(q, k, v, heads);
    ASSERT_EQ(got.sizes(), q.sizes());
    ASSERT_EQ(got.scalar_type(), torch::kBFloat16);
    EXPECT_TRUE(torch::allclose(got.to(torch::kFloat32), in_float32(q, k, v, heads), 2e-2, 2e-2));
  }
}

TEST(AttentionInBfloat16, ReadsViewsAndKeepsImagesApart) {
  const torch::InferenceMode guard;
  const Tensor qkv = random(3, 61, 3 * 96, 4);
  const auto parts = qkv.chunk(3, -1);
  const Tensor got = attend(parts[0], parts[1], parts[2], 3);
  EXPECT_TRUE(torch::equal(got, attend(parts[0].contiguous(), parts[1].contiguous(), parts[2].contiguous(), 3)));
  for (int64_t i = 0; i < 3; ++i) {
    const auto image = [&](int64_t part) { return parts[static_cast<size_t>(part)].narrow(0, i, 1); };
    EXPECT_TRUE(torch::equal(got.narrow(0, i, 1), attend(image(0), image(1), image(2), 3)));
  }
}

TEST(AttentionInBfloat16, ExtremeScoresStayRightAndNaNShows) {
  const torch::InferenceMode guard;
  Tensor q = random(1, 20, 64, 5) * 200, k = random(1, 20, 64, 6) * 200, v = random(1, 20, 64, 7);
  EXPECT_TRUE(torch::allclose(attend(q, k, v, 1).to(torch::kFloat32), in_float32(q, k, v, 1), 2e-2, 2e-2));
  k[0][7][3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(attend(q, k, v, 1).isnan().all().item<bool>()) << "every query looks at the broken key";
}

TEST(AttentionInBfloat16, GivesGradientsWhereTheyAreWanted) {
  const Tensor q = random(1, 20, 64, 5).requires_grad_(), k = random(1, 20, 64, 6), v = random(1, 20, 64, 7);
  EXPECT_FALSE(clb::nn::attend_bf16(q, k, v, 1));
  attend(q, k, v, 1).sum().backward();
  EXPECT_TRUE(q.grad().defined());
}

}  // namespace
