// Operations whose backward is written out (harness/nn/cpu/fused_training.hpp): results and gradients of PyTorch's own operations in
// float64.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>

#include <clb/nn/attention.hpp>
#include <clb/nn/error.hpp>
#include <clb/nn/linear.hpp>

#include "cpu/fused_training.hpp"
#include "cpu/gelu.hpp"
#include "golden/golden.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;
using Inputs = std::vector<Tensor>;
using Operation = std::function<std::optional<Tensor>(const Inputs&)>;

struct FusedCase {
  std::string name;
  std::vector<std::string> inputs;
  Operation compute;
};

std::vector<FusedCase> fused_cases(int64_t heads) {
  return {{"gelu", {"x"}, [](const Inputs& in) { return trained_gelu(in[0]); }},
          {"linear_gelu", {"x", "weight", "bias"}, [](const Inputs& in) { return trained_linear_gelu(in[0], in[1], in[2]); }},
          {"linear_add", {"x", "weight", "bias", "other"}, [](const Inputs& in) { return trained_linear_add(in[0], in[1], in[2], in[3]); }},
          {"attention", {"q", "k", "v"}, [heads](const Inputs& in) { return trained_attention(in[0], in[1], in[2], heads); }}};
}

class FusedGolden : public testing::Test {
 protected:
  void SetUp() override { CLB_GOLDEN(golden, "fused"); }
  void each(const std::function<void(const FusedCase&, Inputs)>& look) {
    for (const FusedCase& c : fused_cases(golden_.config()["heads"].get<int64_t>())) {
      SCOPED_TRACE(c.name);
      Inputs inputs;
      for (const std::string& name : c.inputs) inputs.push_back(golden_[c.name + "." + name].requires_grad_());
      look(c, inputs);
    }
  }
  std::vector<Tensor> gradients(const FusedCase& c, const Tensor& result, const Inputs& of) {
    return torch::autograd::grad({(result * golden_[c.name + ".pull"]).sum()}, of);
  }
  golden::Golden golden_{"fused"};
};

TEST_F(FusedGolden, ResultsAndGradients) {
  CLB_GOLDEN(golden, "fused");
  std::vector<std::string> given;
  each([&](const FusedCase& c, const Inputs& inputs) {
    const std::optional<Tensor> result = c.compute(inputs);
    ASSERT_TRUE(result);
    golden.close(c.name + ".result", result->detach(), 3e-6);
    const std::vector<Tensor> found = gradients(c, *result, inputs);
    for (size_t k = 0; k < found.size(); ++k) {
      golden.close(c.name + ".gradient." + c.inputs[k], found[k], 5e-6);
      given.push_back(c.name + "." + c.inputs[k]);
    }
    given.push_back(c.name + ".pull");
  });
  golden.expect_all_compared(given);
}

// What is frozen gets no gradient, and the others' stay what they were.
TEST_F(FusedGolden, OneInputLearnsAlone) {
  each([&](const FusedCase& c, const Inputs& inputs) {
    const std::vector<Tensor> all = gradients(c, *c.compute(inputs), inputs);
    for (size_t k = 0; k < inputs.size(); ++k) {
      Inputs alone;
      for (size_t i = 0; i < inputs.size(); ++i) alone.push_back(i == k ? inputs[i] : inputs[i].detach());
      const std::optional<Tensor> result = c.compute(alone);
      ASSERT_TRUE(result) << c.inputs[k];
      EXPECT_TRUE(torch::equal(gradients(c, *result, {alone[k]})[0], all[k])) << c.inputs[k];
    }
  });
}

TEST_F(FusedGolden, ViewsAreRead) {
  each([&](const FusedCase& c, const Inputs& inputs) {
    const Tensor result = *c.compute(inputs);
    const std::vector<Tensor> all = gradients(c, result, inputs);
    const auto expect_same = [&](const std::function<Tensor(const Tensor&)>& view) {
      Inputs views;
      for (const Tensor& t : inputs) views.push_back(view(t.detach()).requires_grad_());
      const Tensor of_views = *c.compute(views);
      EXPECT_TRUE(torch::allclose(of_views, result, 1e-6, 1e-6));
      const std::vector<Tensor> gradients_of_views = gradients(c, of_views, views);
      for (size_t k = 0; k < all.size(); ++k) EXPECT_TRUE(torch::allclose(gradients_of_views[k], all[k], 1e-5, 1e-6)) << c.inputs[k];
    };
    expect_same([](const Tensor& t) { return at::stack({t, t + 1}, -1).select(-1, 0); });           // something beside each number
    expect_same([](const Tensor& t) { return t.transpose(0, -1).contiguous().transpose(0, -1); });  // columns before rows
  });
}

TEST_F(FusedGolden, SecondDerivativesAreRefused) {
  each([&](const FusedCase& c, const Inputs& inputs) {
    const Tensor result = *c.compute(inputs);
    try {
      (void)torch::autograd::grad({result.sum()}, {inputs[0]}, {}, /*retain_graph=*/true, /*create_graph=*/true);
      FAIL() << "differentiated twice";
    } catch (const Error& e) {
      EXPECT_STREQ(e.what(), "a fused operation has no second derivative; set CLB_CPU_KERNELS=off to have LibTorch's own operations");
    }
  });
}

TEST_F(FusedGolden, LeaveOtherTypesAndFrozenNumbersAlone) {
  each([&](const FusedCase& c, const Inputs& inputs) {
    Inputs frozen, narrow;
    for (const Tensor& t : inputs) {
      frozen.push_back(t.detach());
      narrow.push_back(t.detach().to(torch::kBFloat16).requires_grad_());
    }
    EXPECT_FALSE(c.compute(frozen));
    EXPECT_FALSE(c.compute(narrow));
    const torch::NoGradGuard no_grad;
    EXPECT_FALSE(c.compute(inputs));
  });
}

// Networks come to them by these, and without a bias.
TEST(FusedTraining, IsWhatNetworksLearnWith) {
  const auto numbers = [](at::IntArrayRef sizes, uint64_t seed) { return at::randn(sizes, at::detail::createCPUGenerator(seed)); };
  const Tensor x = numbers({2, 4, 6}, 1).requires_grad_(), weight = numbers({8, 6}, 2), other = numbers({2, 4, 8}, 3);
  const auto made_by = [](const Tensor& t) { return t.grad_fn()->name(); };
  EXPECT_NE(made_by(linear_gelu(x, weight, {})).find("LinearGelu"), std::string::npos);
  EXPECT_NE(made_by(linear_add(x, weight, {}, other)).find("LinearAdd"), std::string::npos);
  EXPECT_NE(made_by(exact_gelu(x)).find("Gelu"), std::string::npos);
  EXPECT_NE(made_by(attend(x, x, x, 2)).find("TrainedAttention"), std::string::npos);
  EXPECT_NE(made_by(attend_self(x, 2)).find("TrainedAttention"), std::string::npos);
  EXPECT_TRUE(torch::allclose(linear_gelu(x, weight, {}), at::gelu(at::linear(x, weight)), 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(linear_add(x, weight, {}, other), other + at::linear(x, weight), 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(linear_add(x, weight, {}, other[0]), other[0] + at::linear(x, weight), 1e-5, 1e-6)) << "broadcast";
  const Tensor mask = causal_mask(4, 4);
  EXPECT_EQ(made_by(attend(x, x, x, 2, mask)).find("TrainedAttention"), std::string::npos) << "a mask is LibTorch's";
}

struct AttentionSizes {
  int64_t queries, keys, width;
};

class TrainedAttentionSizes : public testing::TestWithParam<AttentionSizes> {};

// Rows fewer than a tile's, keys and widths that fill no register, and a network's own sizes: result and gradients of float64.
TEST_P(TrainedAttentionSizes, AreTheSameAsInFloat64) {
  const auto [queries, keys, width] = GetParam();
  constexpr int64_t kHeads = 2;
  const auto numbers = [&](int64_t rows, uint64_t seed) {
    return at::randn({3, rows, kHeads * width}, at::detail::createCPUGenerator(seed)).requires_grad_();
  };
  const Inputs in{numbers(queries, 1), numbers(keys, 2), numbers(keys, 3)};
  const Tensor pull = numbers(queries, 4).detach();
  const std::optional<Tensor> mixed = trained_attention(in[0], in[1], in[2], kHeads);
  ASSERT_TRUE(mixed);
  const std::vector<Tensor> found = torch::autograd::grad({*mixed}, in, {pull});

  Inputs wide;
  for (const Tensor& t : in) wide.push_back(t.detach().to(torch::kFloat64).requires_grad_());
  const auto heads = [&](const Tensor& t) { return t.unflatten(-1, {kHeads, -1}).transpose(1, 2); };
  const Tensor wanted =
      at::matmul(at::softmax(at::matmul(heads(wide[0]), heads(wide[1]).transpose(-1, -2)) / std::sqrt(width), -1), heads(wide[2]))
          .transpose(1, 2)
          .flatten(2);
  const std::vector<Tensor> gradients = torch::autograd::grad({wanted}, wide, {pull.to(torch::kFloat64)});
  const auto expect_close = [](const Tensor& a, const Tensor& b, const char* what) {
    EXPECT_LE((a.to(torch::kFloat64) - b).abs().max().item<double>(), 1e-5 * std::max(1.0, b.abs().max().item<double>())) << what;
  };
  expect_close(*mixed, wanted, "result");
  for (size_t k = 0; k < in.size(); ++k) expect_close(found[k], gradients[k], k == 0 ? "q" : k == 1 ? "k" : "v");

  if (queries != keys) return;  // side by side, as a projection gives them
  const Tensor qkv = at::cat({in[0], in[1], in[2]}, -1).detach().requires_grad_();
  const std::optional<Tensor> of_one = trained_self_attention(qkv, kHeads);
  ASSERT_TRUE(of_one);
  EXPECT_TRUE(torch::equal(*of_one, *mixed));
  EXPECT_TRUE(torch::equal(torch::autograd::grad({*of_one}, {qkv}, {pull})[0], at::cat(found, -1)));
}

INSTANTIATE_TEST_SUITE_P(Sizes, TrainedAttentionSizes,
                         testing::Values(AttentionSizes{1, 1, 1}, AttentionSizes{5, 9, 8}, AttentionSizes{6, 16, 64},
                                         AttentionSizes{7, 7, 20}, AttentionSizes{50, 50, 64}, AttentionSizes{75, 75, 64},
                                         AttentionSizes{4, 197, 33}, AttentionSizes{197, 197, 64}),
                         [](const auto& sizes) {
                           const AttentionSizes& s = sizes.param;
                           return std::to_string(s.queries) + "_" + std::to_string(s.keys) + "_" + std::to_string(s.width);
                         });

TEST(TrainedAttention, HidesNoNaN) {
  Tensor q = at::randn({1, 8, 16}, at::detail::createCPUGenerator(1));
  q[0][3][0] = NAN;
  const Tensor k = at::randn({1, 8, 16}, at::detail::createCPUGenerator(2)).requires_grad_();
  const Tensor mixed = *trained_attention(q.requires_grad_(), k, k, 1);
  EXPECT_TRUE(mixed[0][3].isnan().all().item<bool>());
  EXPECT_FALSE(mixed[0][2].isnan().any().item<bool>());
}

TEST(GeluWithSlope, RowsOfAnyWidthMayLieWhereTheyAreReadFrom) {
  for (const int64_t columns : {1, 7, 8, 16, 33}) {
    const Tensor x = at::randn({3, columns}, at::detail::createCPUGenerator(1)) * 3,
                 bias = at::randn(columns, at::detail::createCPUGenerator(2));
    const Tensor sum = (x + bias).to(torch::kFloat64).requires_grad_(), wanted = at::gelu(sum);
    wanted.sum().backward();
    Tensor slope = x.clone(), value = at::empty_like(x);
    gelu_with_slope(slope.const_data_ptr<float>(), bias.const_data_ptr<float>(), 3, columns, value.mutable_data_ptr<float>(),
                    slope.mutable_data_ptr<float>());
    EXPECT_TRUE(torch::allclose(value.to(torch::kFloat64), wanted, 0, 1e-6)) << columns;
    EXPECT_TRUE(torch::allclose(slope.to(torch::kFloat64), sum.grad(), 0, 2e-6)) << columns;
  }
}

TEST(GeluWithSlope, WhatIsNoNumberStaysNone) {
  std::vector<float> x(20, std::nanf("")), value(20), slope(20);
  gelu_with_slope(x.data(), nullptr, 1, 20, value.data(), slope.data());
  for (size_t k = 0; k < x.size(); ++k) EXPECT_TRUE(std::isnan(value[k]) && std::isnan(slope[k])) << k;
}

}  // namespace
}  // namespace clb::nn
