// Layers of frozen weights (harness/nn/cpu/frozen_linear.hpp): results and gradients of LibTorch's operations in float64, whatever the
// sizes; a changed weight is seen; what does not apply is left alone.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <clb/nn/error.hpp>

#include "cpu/frozen_linear.hpp"
#include "cpu/fused_training.hpp"
#include "cpu/panels.hpp"
#include "golden/golden.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

Tensor numbers(at::IntArrayRef sizes, uint64_t seed) { return at::randn(sizes, golden::generator(seed)); }

Linear layer(int64_t in, int64_t out, uint64_t seed) {
  return Linear(numbers({out, in}, seed) / std::sqrt(static_cast<double>(in)), numbers({out}, seed + 1));
}

class FrozenLinear : public testing::Test {
 protected:
  void SetUp() override {
    if (!panels_pay()) GTEST_SKIP() << "this processor has neither AVX-512 nor AVX2 with FMA";
  }
};

struct FrozenSizes {
  int64_t rows, in, out;
};

class FrozenLinearSizes : public FrozenLinear, public testing::WithParamInterface<FrozenSizes> {
 protected:
  // Result and gradients of x and, where it is used, of `other`, beside those that the same operation in float64 gives.
  void expect_same(const std::function<Tensor(const Tensor& x, const Tensor& other)>& found,
                   const std::function<Tensor(const Tensor& x, const Tensor& other)>& expected, int64_t out, bool adds) {
    const auto [rows, in, unused] = GetParam();
    const Tensor x = numbers({1, rows, in}, 5).requires_grad_(), other = numbers({1, rows, out}, 6).requires_grad_(),
                 pull = numbers({1, rows, out}, 7);
    const Tensor wide_x = x.detach().to(torch::kFloat64).requires_grad_(), wide_other = other.detach().to(torch::kFloat64).requires_grad_();
    const auto of = [&](const Tensor& a, const Tensor& b) { return adds ? std::vector<Tensor>{a, b} : std::vector<Tensor>{a}; };
    const Tensor y = found(x, adds ? other : Tensor()), wide_y = expected(wide_x, adds ? wide_other : Tensor());
    expect_close(y, wide_y);
    const auto gradients = torch::autograd::grad({y}, of(x, other), {pull}),
               wide = torch::autograd::grad({wide_y}, of(wide_x, wide_other), {pull.to(torch::kFloat64)});
    for (size_t k = 0; k < wide.size(); ++k) expect_close(gradients[k], wide[k]);
    const torch::NoGradGuard no_grad;
    EXPECT_TRUE(torch::equal(found(x, adds ? other : Tensor()), y)) << "the same bits without a gradient";
  }

 private:
  static void expect_close(const Tensor& a, const Tensor& b) {
    ASSERT_EQ(a.sizes(), b.sizes());
    EXPECT_LT((a.to(torch::kFloat64) - b).abs().max().item<double>(), 2e-6 * std::max(1.0, b.abs().max().item<double>()));
  }
};

Tensor wide_linear(const Tensor& x, const Linear& l) {
  return at::linear(x, l.weight.to(torch::kFloat64), l.bias.defined() ? l.bias.to(torch::kFloat64) : l.bias);
}
Tensor sum(const Tensor& y, const Tensor& other) { return other.defined() ? other + y : y; }

TEST_P(FrozenLinearSizes, LayersAreTheSameAsInFloat64) {
  const auto [rows, in, out] = GetParam();
  const Linear with = layer(in, out, 1), without(with.weight);
  for (const Linear& l : {with, without})
    for (const bool adds : {false, true})
      expect_same([&](const Tensor& x, const Tensor& other) { return frozen_linear(x, l, other).value(); },
                  [&](const Tensor& x, const Tensor& other) { return sum(wide_linear(x, l), other); }, out, adds);
}

TEST_P(FrozenLinearSizes, MlpsAreTheSameAsInFloat64) {
  const auto [rows, in, out] = GetParam();
  const Linear fc1 = layer(in, out, 1), fc2 = layer(out, in, 3);
  for (const bool adds : {false, true})
    expect_same([&](const Tensor& x, const Tensor& other) { return frozen_mlp(x, fc1, fc2, other).value(); },
                [&](const Tensor& x, const Tensor& other) { return sum(wide_linear(at::gelu(wide_linear(x, fc1)), fc2), other); }, in,
                adds);
}

// One row, fewer than a tile's, blocks that end within one; columns that fill no panel, and more depth than one keeps in the cache.
INSTANTIATE_TEST_SUITE_P(Sizes, FrozenLinearSizes,
                         testing::Values(FrozenSizes{1, 16, 16}, FrozenSizes{5, 48, 64}, FrozenSizes{6, 64, 80}, FrozenSizes{7, 80, 112},
                                         FrozenSizes{96, 16, 144}, FrozenSizes{97, 192, 576}, FrozenSizes{203, 192, 768},
                                         FrozenSizes{13, 1552, 32}, FrozenSizes{101, 768, 1600}));

TEST_F(FrozenLinear, ARowDoesNotDependOnTheOthersNorOnThreads) {
  const Linear fc1 = layer(192, 768, 1), fc2 = layer(768, 192, 3);
  const Tensor x = numbers({300, 192}, 5), all = *frozen_mlp(x, fc1, fc2, x);
  for (const int64_t rows : {1, 4, 7, 95, 200}) {
    const Tensor some = x.narrow(0, 300 - rows, rows);
    EXPECT_TRUE(torch::equal(*frozen_mlp(some, fc1, fc2, some), all.narrow(0, 300 - rows, rows))) << rows;
  }
  const int usual = at::get_num_threads();
  at::set_num_threads(1);
  const Tensor alone = *frozen_mlp(x, fc1, fc2, x);
  at::set_num_threads(usual);
  EXPECT_TRUE(torch::equal(alone, all));
}

// By LibTorch's operations, in inference mode, through a tensor that shares its memory alone, or by writing to memory.
TEST_F(FrozenLinear, AChangedWeightIsSeen) {
  Linear l = layer(64, 32, 1);
  const Tensor x = numbers({8, 64}, 5);
  const auto expect_seen = [&](const char* how) {
    EXPECT_TRUE(torch::allclose(*frozen_linear(x, l), at::linear(x, l.weight, l.bias), 1e-5, 1e-5)) << how;
  };
  expect_seen("as it was");
  l.weight.mul_(2);
  expect_seen("in place");
  l.weight[31][63] += 5;
  expect_seen("a single number");
  l.weight.data().mul_(3);
  expect_seen("past LibTorch's count of changes");
  std::fill_n(l.weight.mutable_data_ptr<float>(), l.weight.numel(), 0.25F);
  expect_seen("by its memory");
  l.weight = l.weight * 2;
  expect_seen("another tensor");
  l.weight.set_data(numbers({32, 64}, 9));
  expect_seen("other memory");
  {
    const c10::InferenceMode inference;
    expect_seen("in inference mode");
    l.weight = numbers({32, 64}, 10);
    expect_seen("a tensor of inference mode");
    l.weight.mul_(2);
    expect_seen("a tensor of inference mode, in place");
  }
  const Tensor both = numbers({64, 64}, 11);
  for (const int64_t first : {0, 32}) {
    l.weight = both.narrow(0, first, 32);
    expect_seen("rows of another");
  }
}

TEST_F(FrozenLinear, MemoryThatIsUsedAgainIsSeen) {
  const Tensor x = numbers({8, 64}, 5);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Linear l = layer(64, 32, 100 + seed);
    ASSERT_TRUE(torch::allclose(*frozen_linear(x, l), at::linear(x, l.weight, l.bias), 1e-5, 1e-5)) << seed;
  }
}

TEST_F(FrozenLinear, NotANumberStaysVisible) {
  const Linear l = layer(192, 64, 1);
  Tensor x = numbers({10, 192}, 5);
  x[3][7] = NAN;
  const Tensor missing = frozen_linear(x, l)->isnan();
  EXPECT_TRUE(missing[3].all().item<bool>());
  EXPECT_EQ(missing.sum().item<int64_t>(), 64);
}

TEST_F(FrozenLinear, LeavesOtherTypesSizesAndTrainedWeightsAlone) {
  const Linear l = layer(64, 32, 1);
  const Tensor x = numbers({2, 4, 64}, 5), other = numbers({2, 4, 32}, 6);
  EXPECT_TRUE(frozen_linear(x, l, other));
  EXPECT_FALSE(frozen_linear(x.to(torch::kBFloat16), l));
  EXPECT_FALSE(frozen_linear(x, l, other.to(torch::kFloat64)));
  EXPECT_FALSE(frozen_linear(x, l, other[0])) << "to be broadcast";
  EXPECT_FALSE(frozen_linear(x.narrow(0, 0, 0), l)) << "no rows";
  EXPECT_FALSE(frozen_linear(x, Linear(l.weight.to(torch::kBFloat16), l.bias)));
  EXPECT_FALSE(frozen_linear(x, Linear(l.weight.clone().requires_grad_(), l.bias)));
  EXPECT_FALSE(frozen_linear(x, Linear(l.weight, l.bias.clone().requires_grad_())));
  EXPECT_FALSE(frozen_linear(x, Linear(numbers({64, 32}, 1).t(), l.bias))) << "columns before rows";
  EXPECT_FALSE(frozen_linear(numbers({4, 60}, 5), layer(60, 32, 1))) << "no multiple of 16";
  EXPECT_FALSE(frozen_mlp(x, l, layer(32, 64, 3), other)) << "not of the result's size";
  EXPECT_FALSE(frozen_mlp(x, l, layer(48, 64, 3))) << "sizes that do not fit together";
}

TEST_F(FrozenLinear, SecondDerivativesAreRefused) {
  const Tensor x = numbers({4, 64}, 5).requires_grad_();
  const Linear fc1 = layer(64, 32, 1), fc2 = layer(32, 64, 3);
  for (const Tensor& y : {*frozen_linear(x, fc1), *frozen_mlp(x, fc1, fc2)})
    EXPECT_THROW((void)torch::autograd::grad({y.sum()}, {x}, {}, true, /*create_graph=*/true), Error);
}

// The backward of what lies before is not computed where only what is added wants a gradient.
TEST_F(FrozenLinear, GivesTheGradientOfWhatIsAddedAlone) {
  const Linear l = layer(64, 32, 1);
  const Tensor x = numbers({4, 64}, 5), other = numbers({4, 32}, 6).requires_grad_(), pull = numbers({4, 32}, 7);
  const auto found = torch::autograd::grad({*frozen_linear(x, l, other)}, {other}, {pull});
  EXPECT_TRUE(torch::equal(found[0], pull));
}

TEST(PlainGelu, IsThatOfFloat64AndOfTraining) {
  const Tensor x = numbers({50, 33}, 1) * 4, y = plain_gelu(x).value();
  const Tensor wide = at::gelu(x.to(torch::kFloat64)), size = x.to(torch::kFloat64).abs().clamp_min(1);
  EXPECT_LT(((y.to(torch::kFloat64) - wide).abs() / size).max().item<double>(), 3e-7);
  EXPECT_TRUE(torch::equal(trained_gelu(x.clone().requires_grad_())->detach(), y));
}

}  // namespace
}  // namespace clb::nn
