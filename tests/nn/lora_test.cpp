// LoRA on every linear operation of a block, what becomes of finished tasks, recorded inputs, and the subspaces read from them.
#include <clb/nn/error.hpp>
#include <clb/nn/fit.hpp>
#include <clb/nn/input_recorder.hpp>
#include <clb/nn/linear.hpp>
#include <clb/nn/lora.hpp>
#include <clb/nn/subspace.hpp>
#include <clb/nn/vit.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::any_numbers;
using torch::Tensor;

const std::vector<std::string> kSites{"q", "k", "v", "qkv", "proj", "fc1", "fc2"};
const std::map<std::string, std::string> kWeights{{"q", "attn.qkv"},     {"k", "attn.qkv"},  {"v", "attn.qkv"}, {"qkv", "attn.qkv"},
                                                  {"proj", "attn.proj"}, {"fc1", "mlp.fc1"}, {"fc2", "mlp.fc2"}};

Vit two_blocks() { return Vit(random_vit({.image = 16, .patch = 4, .dim = 16, .depth = 2, .heads = 2, .mlp = 24}, 1), {.heads = 2}); }
Tensor some_images(int64_t n = 3) { return at::randn({n, 3, 16, 16}, at::detail::createCPUGenerator(9)); }

// B is zero at first; a test wants deltas that do something.
void fill_b(Lora& lora, uint64_t seed) {
  for (LoraDelta& d : lora.deltas()) d.b = (0.3 * at::randn(d.b.sizes(), at::detail::createCPUGenerator(seed++))).requires_grad_();
}

// The network with the deltas added to its weights.
Vit with_weights(const Lora& lora) {
  Vit vit = copy_of(two_blocks());
  const torch::NoGradGuard no_grad;
  vit.parameters([&](const std::string& name, Tensor& t) {
    for (const LoraDelta& d : lora.deltas()) {
      if (name == "blocks." + std::to_string(d.block) + "." + kWeights.at(d.site) + ".weight")
        t.narrow(0, d.at.first, d.at.outputs).add_(d.delta());
    }
  });
  return vit;
}

TEST(Lora, IsItsDeltaAddedToTheWeightOfAnySite) {
  const Vit vit = two_blocks();
  const torch::NoGradGuard no_grad;
  for (const std::string& site : kSites) {
    Lora lora(vit.shape(), {.blocks = {0, 1}, .sites = {site}, .rank = 3, .scale = 0.7}, any_numbers());
    EXPECT_TRUE(torch::equal(vit.cls(some_images(), lora), vit.cls(some_images(), Together({}))))
        << site << ": a fresh one changes nothing";
    fill_b(lora, 3);
    const Tensor want = with_weights(lora).cls(some_images());
    EXPECT_TRUE(torch::allclose(vit.cls(some_images(), lora), want, 1e-4, 1e-5)) << site;
    EXPECT_GT((want - vit.cls(some_images())).abs().max().item<double>(), 1e-3) << site;
    EXPECT_TRUE(torch::allclose(lora.at(1, site).delta(), 0.7 * lora.at(1, site).b.matmul(lora.at(1, site).a)));
  }
}

TEST(Lora, FinishedTasksBecomeOneDelta) {
  const Vit vit = two_blocks();
  const torch::NoGradGuard no_grad;
  const LoraOptions options{.blocks = {1}, .sites = {"q", "v", "fc2"}, .rank = 2, .scale = 2, .scales = true};
  Lora first(vit.shape(), options, any_numbers()), second = copy_of(first);
  fill_b(first, 3);
  fill_b(second, 30);
  MergedLora merged(first);
  EXPECT_TRUE(torch::allclose(vit.cls(some_images(), merged), vit.cls(some_images()), 1e-5, 1e-6));
  merged.add(first);
  merged.add(second);
  const Together both({&first, &second});
  EXPECT_TRUE(torch::allclose(vit.cls(some_images(), merged), vit.cls(some_images(), both), 1e-4, 1e-5));
  EXPECT_EQ(trained_numbers(merged), 0);
  EXPECT_THROW(merged.add(Lora(vit.shape(), {.blocks = {0}}, any_numbers())), Error);
}

TEST(Lora, OnlyBIsTrainedWhereAIsFrozenAndMistakesAreNamed) {
  const Vit vit = two_blocks();
  Lora lora(vit.shape(), {.blocks = {0}, .sites = {"k"}, .rank = 4, .frozen_a = true}, any_numbers());
  EXPECT_EQ(trained_numbers(lora), 16 * 4);
  vit.cls(some_images(), lora).narrow(1, 0, 3).sum().backward();
  EXPECT_GT(lora.at(0, "k").b.grad().abs().max().item<double>(), 0);
  for (const LoraOptions& wrong : {LoraOptions{.blocks = {0}, .sites = {"o"}}, LoraOptions{.blocks = {2}},
                                   LoraOptions{.blocks = {0}, .rank = 17}, LoraOptions{.blocks = {0}, .rank = 0}})
    EXPECT_THROW(Lora(vit.shape(), wrong, any_numbers()), Error);
  EXPECT_THROW(lora.at(0, "v"), Error);
}

// What is recorded is what the operation is computed from: from inputs and outputs of a linear layer follows its weight.
TEST(InputRecorder, KeepsTheSecondMomentsOfWhatComesIn) {
  const Vit vit = two_blocks();
  struct Witness final : Injection {
    Tensor at(Site site, int64_t block, const Tensor& x, const Tensor& y) const override {
      if (site == Site::kFc2 && block == 1) seen = x;
      return y;
    }
    mutable Tensor seen;
  } witness;
  const InputRecorder recorder({0, 1}, {"q", "v", "proj", "fc2"});
  const Together both({const_cast<InputRecorder*>(&recorder), &witness});
  const Tensor without = vit.cls(some_images(), Injection());
  EXPECT_TRUE(torch::equal(vit.cls(some_images(), both), without)) << "it changes nothing";
  Tensor sum = torch::zeros({24, 24}, torch::kFloat64);
  sum += witness.seen.flatten(0, 1).to(torch::kFloat64).t().matmul(witness.seen.flatten(0, 1).to(torch::kFloat64));
  vit.cls(some_images(2), both);
  sum += witness.seen.flatten(0, 1).to(torch::kFloat64).t().matmul(witness.seen.flatten(0, 1).to(torch::kFloat64));
  EXPECT_EQ(recorder.count(1, "fc2"), (3 + 2) * 17);
  EXPECT_TRUE(torch::allclose(recorder.moment(1, "fc2"), sum / (5 * 17), 1e-10, 1e-10));
  EXPECT_TRUE(torch::equal(recorder.moment(0, "q"), recorder.moment(0, "v")));
  EXPECT_EQ(recorder.moment(0, "proj").size(0), 16);
  EXPECT_THROW(recorder.moment(0, "fc1"), Error);
}

TEST(Subspace, HoldsTheShareAskedForAndStaysOrthonormal) {
  const auto draw = [](int64_t rows, uint64_t seed) {
    return at::randn({rows, 10}, at::detail::createCPUGenerator(seed), torch::kFloat64);
  };
  const Tensor x = draw(4, 1), moment = x.t().matmul(x);
  EXPECT_EQ(extended_basis({}, moment, 1).size(1), 4) << "rank 4";
  Tensor basis = extended_basis({}, moment, 0.6);
  EXPECT_LT(basis.size(1), 4);
  for (uint64_t task = 2; task < 4; ++task) {
    const Tensor more = draw(5, task), m = more.t().matmul(more);
    const Tensor before = basis;
    basis = extended_basis(before, m, 0.9);
    EXPECT_TRUE(torch::allclose(basis.t().matmul(basis), torch::eye(basis.size(1), torch::kFloat64), 1e-9, 1e-9));
    EXPECT_LT(outside(before.t(), basis).abs().max().item<double>(), 1e-9) << "what it held it holds";
    const double held = basis.t().matmul(m).matmul(basis).trace().item<double>();
    EXPECT_GE(held, 0.9 * m.trace().item<double>() - 1e-9);
    EXPECT_LT(outside(outside(draw(3, 50), basis), basis).sub(outside(draw(3, 50), basis)).abs().max().item<double>(), 1e-9);
  }
  EXPECT_TRUE(torch::equal(outside(x, {}), x));
  EXPECT_THROW(extended_basis({}, moment, 2), Error);
}

TEST(Subspace, AGradientThatRaisesTheOtherLossIsTurned) {
  Tensor a = torch::ones(2).requires_grad_(), b = torch::ones(1).requires_grad_();
  const auto with = [&](double x, double y, double z) {
    a.mutable_grad() = torch::tensor({x, y});
    b.mutable_grad() = torch::full(1, z);
  };
  const std::vector<Tensor> reference{torch::tensor({1.0, 0.0}), torch::full(1, 1.0)};
  with(1, 5, 2);
  EXPECT_FALSE(project_from({a, b}, reference));
  with(-3, 5, 1);
  EXPECT_TRUE(project_from({a, b}, reference));
  EXPECT_TRUE(torch::allclose(a.grad(), torch::tensor({-2.0, 5.0})));
  EXPECT_TRUE(torch::allclose(b.grad(), torch::full(1, 2.0)));
  EXPECT_NEAR(((a.grad() * reference[0]).sum() + (b.grad() * reference[1]).sum()).item<double>(), 0, 1e-6);
}

}  // namespace
}  // namespace clb::nn
