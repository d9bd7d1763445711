// Muon's orthogonalisation against a singular value decomposition, its update written out, AdamW against LibTorch's.
#include <gtest/gtest.h>
#include <torch/optim.h>

#include <clb/base/error.hpp>
#include <clb/nn/rng.hpp>

#include "optimizer.hpp"

namespace clb::pretrain {
namespace {

using torch::Tensor;

Tensor random(torch::IntArrayRef sizes, uint64_t seed) { return nn::normal(sizes, 0, 1, at::detail::createCPUGenerator(seed)); }

struct Tensors final : nn::Module {
  std::vector<std::pair<std::string, Tensor>> list;
  void parameters(const nn::ParameterVisitor& visit) override {
    for (auto& [name, tensor] : list) visit(name, tensor);
  }
};

// The iteration applies one odd polynomial to every singular value and leaves the singular vectors alone.
Tensor by_singular_values(const Tensor& m) {
  const auto [u, s, v] = at::linalg_svd(m.to(torch::kFloat64), /*full_matrices=*/false);
  Tensor values = s / (m.to(torch::kFloat64).norm() + 1e-7);
  for (int k = 0; k < 5; ++k) values = 3.4445 * values - 4.7750 * values.pow(3) + 2.0315 * values.pow(5);
  return at::matmul(u * values, v);
}

TEST(Muon, OrthogonalisesAsTheSingularValuesSay) {
  for (const auto& [rows, columns] : {std::pair{24, 24}, {48, 16}, {16, 48}}) {
    const Tensor m = random({rows, columns}, 1), found = orthogonalised(m);
    ASSERT_EQ(found.sizes(), m.sizes());
    EXPECT_LT((found - by_singular_values(m)).abs().max().item<double>(), 1e-4);
    const Tensor values = at::linalg_svdvals(found);
    EXPECT_GT(values.min().item<double>(), 0.3) << "small singular values of a square matrix come last";
    EXPECT_LT(values.max().item<double>(), 1.3);
  }
}

TEST(Muon, StepsWithNesterovsMomentum) {
  Tensors module;
  module.list = {{"blocks.0.mlp.fc1.weight", random({12, 4}, 1)}, {"blocks.0.attn.qkv.weight", random({12, 4}, 2)}};
  const Tensor start = module.list[0].second.clone(), joined = module.list[1].second.clone();
  Optimizer optimizer(module, {.muon = true, .muon_lr = 0.1, .weight_decay = 0.5});
  const Tensor g1 = random({12, 4}, 3), g2 = random({12, 4}, 4);
  optimizer.step([&](size_t) { return g1; }, 1);
  optimizer.step([&](size_t) { return g2; }, 0.5);
  const Tensor m1 = 0.05 * g1, m2 = 0.95 * m1 + 0.05 * g2, ahead1 = 0.05 * g1 + 0.95 * m1, ahead2 = 0.05 * g2 + 0.95 * m2;
  const double tall = std::sqrt(3.0);
  Tensor expected = start * (1 - 0.1 * 0.5) - 0.1 * tall * orthogonalised(ahead1);
  expected = expected * (1 - 0.05 * 0.5) - 0.05 * tall * orthogonalised(ahead2);
  EXPECT_LT((module.list[0].second - expected).abs().max().item<double>(), 1e-5);
  // Queries, keys and values are three maps, each 4 x 4.
  Tensor value = joined.narrow(0, 8, 4) * 0.95 - 0.1 * orthogonalised(ahead1.narrow(0, 8, 4));
  value = value * 0.975 - 0.05 * orthogonalised(ahead2.narrow(0, 8, 4));
  EXPECT_LT((module.list[1].second.narrow(0, 8, 4) - value).abs().max().item<double>(), 1e-5);
}

TEST(AdamW, IsLibTorchs) {
  Tensors module;
  module.list = {{"blocks.0.weight", random({6, 5}, 1)}, {"bias", random({5}, 2)}};
  std::vector<Tensor> decayed{module.list[0].second.clone().requires_grad_()}, spared{module.list[1].second.clone().requires_grad_()};
  using torch::optim::AdamWOptions;
  const auto group = [](double decay) { return std::make_unique<AdamWOptions>(AdamWOptions(0.01).betas({0.9, 0.99}).weight_decay(decay)); };
  torch::optim::AdamW theirs({{decayed, group(0.1)}, {spared, group(0)}}, AdamWOptions(0.01));
  Optimizer ours(module, {.muon = false, .lr = 0.01, .weight_decay = 0.1});
  for (uint64_t step = 0; step < 4; ++step) {
    const Tensor g0 = random({6, 5}, 10 + step), g1 = random({5}, 20 + step);
    decayed[0].mutable_grad() = g0;
    spared[0].mutable_grad() = g1;
    theirs.step();
    ours.step([&](size_t k) { return k == 0 ? g0 : g1; }, 1);
  }
  EXPECT_LT((module.list[0].second - decayed[0]).abs().max().item<double>(), 1e-6);
  EXPECT_LT((module.list[1].second - spared[0]).abs().max().item<double>(), 1e-6);
}

TEST(Optimizer, RefusesTheStateOfAnother) {
  Tensors small, large;
  small.list = {{"bias", random({5}, 1)}};
  large.list = {{"bias", random({6}, 1)}};
  const Optimizer from(small, {});
  Optimizer to(large, {});
  EXPECT_THROW(to.load(from.state()), base::Error);
}

}  // namespace
}  // namespace clb::pretrain
