// Heads, the prompt pool, herding, and what can be done with any module.
#include <clb/base/error.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/herding.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/prompt_pool.hpp>
#include <clb/nn/tensors.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::any_numbers;
using golden::parameters_of;
using torch::Tensor;

GrowingLinear head_of(int64_t classes, HeadInit init = HeadInit::torch_linear()) {
  GrowingLinear head({.dim = 16, .init = init}, any_numbers());
  head.grow(classes);
  return head;
}

TEST(Module, CopiesOfItsOwnAndSharedOnes) {
  GrowingLinear head = head_of(3), shared = head, own = copy_of(head);
  const torch::NoGradGuard no_grad;
  parameters_of(head)["weight"].add_(1);
  EXPECT_TRUE(torch::equal(parameters_of(shared)["weight"], parameters_of(head)["weight"]));
  EXPECT_FALSE(torch::equal(parameters_of(own)["weight"], parameters_of(head)["weight"]));
  EXPECT_TRUE(parameters_of(own)["weight"].requires_grad());
  freeze(own);
  EXPECT_EQ(trained_numbers(own), 0);
  EXPECT_EQ(trained_numbers(head), 3 * 17) << "freezing a copy froze the original";
}

TEST(Head, GrowsAndKeepsItsRows) {
  GrowingLinear head = head_of(3);
  const Tensor features = at::rand({4, 16}), before = head(features).detach();
  head.grow(3);
  head.grow(7);
  EXPECT_EQ(head.classes(), 7);
  EXPECT_TRUE(torch::allclose(head(features).narrow(1, 0, 3), before));
  EXPECT_TRUE(torch::equal(head(features), head_of(7)(features))) << "a row depends on how the head grew";
  EXPECT_THROW(head.grow(2), base::Error);
  EXPECT_EQ(head(features.to(torch::kBFloat16)).scalar_type(), torch::kFloat32);
}

TEST(Head, StartsAsTheChaptersSay) {
  const auto largest = [](HeadInit init, const char* name) {
    return parameters_of(*std::make_unique<GrowingLinear>(head_of(500, init)))[name].abs().max().item<double>();
  };
  EXPECT_EQ(largest(HeadInit::zero(), "weight"), 0);
  EXPECT_NEAR(largest(HeadInit::torch_linear(), "weight"), 0.25, 0.001);
  EXPECT_NEAR(largest(HeadInit::torch_linear(), "bias"), 0.25, 0.002);
  EXPECT_NEAR(largest(HeadInit::kaiming_linear(), "weight"), std::sqrt(3.0 / 16), 0.001);
  EXPECT_EQ(largest(HeadInit::kaiming_linear(), "bias"), 0);
  GrowingLinear normal_head = head_of(500, HeadInit::normal(0.001));
  EXPECT_NEAR(parameters_of(normal_head)["weight"].std().item<double>(), 0.001, 5e-5);
}

TEST(Head, CosineOfAZeroRowIsZeroAndSigmaMayBeFixed) {
  CosineHead head({.dim = 16, .sigma = 4, .learn_sigma = false, .init = HeadInit::zero()}, any_numbers());
  head.grow(2);
  EXPECT_EQ(head(at::rand({3, 16})).abs().max().item<double>(), 0);
  EXPECT_EQ(trained_numbers(head), 2 * 16);
  const Tensor row = at::rand(16);
  head.parameters([&](const std::string&, Tensor& t) { t = at::stack({row, -row}); });
  EXPECT_TRUE(torch::allclose(head(3 * row.unsqueeze(0)), torch::tensor({{4.0f, -4.0f}})));
  CosineHead learned({.dim = 16}, any_numbers());
  learned.grow(2);
  EXPECT_EQ(trained_numbers(learned), 2 * 16 + 1);
}

TEST(Loss, MaskedClassesGetNoGradient) {
  const Tensor logits = at::rand({4, 6}).requires_grad_();
  at::cross_entropy_loss(mask_to({4, 1}, logits), torch::tensor({1, 4, 4, 1})).backward();
  EXPECT_EQ(logits.grad().index_select(1, torch::tensor({0, 2, 3, 5})).abs().max().item<double>(), 0);
  EXPECT_GT(logits.grad().abs().max().item<double>(), 0);
}

PromptPool pool_with(const Tensor& keys, int64_t length = 2) {
  PromptPool pool({.prompts = keys.size(0), .length = length, .dim = keys.size(1)}, any_numbers());
  pool.parameters([&](const std::string& name, Tensor& t) {
    if (name == "keys") t = keys.clone().requires_grad_();
  });
  return pool;
}

TEST(PromptPool, NearestKeysFirstAndTheSmallerIdAmongEqualOnes) {
  const PromptPool pool = pool_with(torch::tensor({{0.f, 1.f}, {1.f, 0.f}, {2.f, 0.f}, {0.f, -1.f}}));
  const PromptChoice choice = pool.choose(torch::tensor({{5.f, 1.f}, {0.f, -0.1f}}), 3, false);
  EXPECT_TRUE(torch::equal(choice.ids, torch::tensor({{1, 2, 0}, {3, 1, 2}})));
  EXPECT_EQ(choice.prompts.sizes(), torch::IntArrayRef({2, 6, 2}));
  EXPECT_EQ(pool.choose(at::rand({2, 2}), 0, true).prompts.sizes(), torch::IntArrayRef({2, 0, 2}));
  EXPECT_EQ(pool.choose(at::rand({2, 2}), 0, true).similarity().item<double>(), 0);
}

TEST(PromptPool, AVoteServesTheWholeBatchAndTheSmallestIdFillsUp) {
  const PromptPool pool = pool_with(torch::eye(4));
  // Nearest: 3, 3, 1. Two votes for 3, one for 1.
  const Tensor query = torch::tensor({{0.f, .1f, 0.f, 1.f}, {0.f, .1f, 0.f, 1.f}, {0.f, 1.f, 0.f, .1f}});
  EXPECT_TRUE(torch::equal(pool.choose(query, 1, true).ids, torch::tensor({{3}, {3}, {3}})));
  EXPECT_TRUE(torch::equal(pool.choose(query, 2, true).ids, torch::tensor({{1, 3}, {1, 3}, {1, 3}})))
      << "three votes each: the smaller id first";
  // One sample that is alone: all its ids have one vote.
  EXPECT_TRUE(torch::equal(pool.choose(query.narrow(0, 0, 1), 3, true).ids, torch::tensor({{0, 1, 3}})));
}

TEST(PromptPool, KeysLearnFromTheSimilarityAlone) {
  PromptPool pool = pool_with(torch::eye(4));
  const PromptChoice choice = pool.choose(torch::tensor({{1.f, .5f, 0.f, 0.f}}), 2, false);
  choice.prompts.sum().backward();
  EXPECT_FALSE(parameters_of(pool)["keys"].grad().defined());
  const Tensor gradient = parameters_of(pool)["prompts"].grad();
  EXPECT_EQ(gradient.narrow(0, 2, 2).abs().max().item<double>(), 0) << "a prompt that was not chosen";
  choice.similarity().backward();
  EXPECT_TRUE(parameters_of(pool)["keys"].grad().defined());
}

TEST(PromptPool, CountsTheUseThatItIsTold) {
  PromptPool pool = pool_with(torch::eye(3));
  const Tensor query = torch::tensor({{1.f, 0.f, 0.f}, {1.f, .5f, 0.f}});
  pool.choose(query, 1, false);
  EXPECT_EQ(pool.take_usage().sum().item<int64_t>(), 0);
  pool.count_use(pool.choose(query, 1, false));
  pool.count_use(pool.choose(query, 2, false));
  EXPECT_TRUE(torch::equal(pool.take_usage(), torch::tensor({4, 2, 0})));
  EXPECT_EQ(pool.take_usage().sum().item<int64_t>(), 0);
}

// LAMDA-PILOT's L2P on CIFAR-100 with a ViT-B: 38,400 numbers of prompts, 7,680 of keys, 76,900 of the head.
TEST(PromptPool, ParameterCounts) {
  PromptPool pool({.dim = 768}, any_numbers());
  GrowingLinear head({.dim = 768}, any_numbers());
  head.grow(100);
  EXPECT_EQ(trained_numbers(pool) + trained_numbers(head), 122'980);
}

// The order by definition: at each step the row whose addition brings the mean nearest to the class mean.
TEST(Herding, FollowsTheDefinition) {
  const Tensor features = at::rand({20, 5}, at::detail::createCPUGenerator(3)), rows = unit_rows(features.to(torch::kFloat64));
  const Tensor order = herding(features, 20), mean = rows.mean(0);
  std::vector<int64_t> left(20);
  for (int64_t k = 0; k < 20; ++k) left[k] = k;
  Tensor sum = torch::zeros(5, torch::kFloat64);
  for (int64_t k = 0; k < 20; ++k) {
    const auto cost = [&](int64_t i) { return (mean - (sum + rows[i]) / (k + 1)).norm().item<double>(); };
    const auto best = std::min_element(left.begin(), left.end(), [&](int64_t a, int64_t b) { return cost(a) < cost(b); });
    EXPECT_EQ(order[k].item<int64_t>(), *best) << k;
    sum += rows[*best];
    left.erase(best);
  }
  EXPECT_TRUE(torch::equal(herding(7 * features, 6), order.narrow(0, 0, 6)));
  EXPECT_TRUE(torch::equal(herding(torch::ones({3, 2}), 3), torch::tensor({0, 1, 2})));
}

}  // namespace
}  // namespace clb::nn
