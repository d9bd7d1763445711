// Bricks: parts give names, lists are modules, attention to another sequence, behind a mask and to what came before.
#include <clb/nn/attention.hpp>
#include <clb/nn/layer_norm.hpp>
#include <clb/nn/list.hpp>
#include <clb/nn/mlp.hpp>
#include <clb/nn/tensors.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

Tensor numbers(torch::IntArrayRef sizes, uint64_t seed) { return at::randn(sizes, at::detail::createCPUGenerator(seed)); }

// What a method builds: no visitor, no list of tensors.
class Fusion final : public Module {
 public:
  explicit Fusion(int64_t d, const Rng& rng) : attention_(Attention::drawn(d, 2, rng)), norm_(d) {
    for (int64_t k = 0; k < 2; ++k) projections_.add(Linear::drawn(d, d, rng, /*with_bias=*/false));
  }
  Tensor operator()(const Tensor& x, const Tensor& context) const {
    return norm_(x + attention_.across(projections_[0](x), projections_[1](context)));
  }

 private:
  void parts(Parts& p) override { p("attention", attention_)("norm", norm_)("projections", projections_)("scale", scale_); }
  Attention attention_;
  LayerNorm norm_;
  List<Linear> projections_;
  Tensor scale_;  // undefined
};

TEST(Bricks, PartsGiveNamesInOrder) {
  Fusion fusion(8, golden::any_numbers());
  std::vector<std::string> names;
  fusion.parameters([&](const std::string& name, Tensor&) { names.push_back(name); });
  EXPECT_EQ(names, (std::vector<std::string>{"attention.qkv.weight", "attention.qkv.bias", "attention.proj.weight", "attention.proj.bias",
                                             "norm.weight", "norm.bias", "projections.0.weight", "projections.1.weight"}));
}

TEST(Bricks, AModuleOfModulesIsFrozenCopiedAndTrainedAsOne) {
  Fusion fusion(8, golden::any_numbers());
  const Tensor x = numbers({2, 3, 8}, 1), context = numbers({2, 5, 8}, 2);
  EXPECT_EQ(trained_numbers(fusion), 3 * 8 * 8 + 3 * 8 + 8 * 8 + 8 + 2 * 8 * 8);  // the norm is not
  Fusion own = copy_of(fusion);
  own.parameters([](const std::string&, Tensor& t) { t.detach().add_(1); });
  EXPECT_FALSE(torch::allclose(fusion(x, context), own(x, context)));
  freeze(fusion);
  EXPECT_EQ(trained_numbers(fusion), 0);
  EXPECT_EQ(fusion(x, context).sizes(), x.sizes());
}

struct Counter final : Module {
  void train(bool on) override { trained += on ? 1 : -1; }
  int trained = 0;
};

TEST(Bricks, TrainingModeReachesEveryPart) {
  AtBlocks<Counter> list;
  list.add(3, {});
  list.add(1, {});
  list.train(true);
  EXPECT_EQ(list.find(3)->trained, 1);
  EXPECT_EQ(list.find(1)->trained, 1);
  EXPECT_EQ(list.find(0), nullptr);
}

Tensor by_hand(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask) {  // one head
  const Tensor scores = q.matmul(k.transpose(1, 2)) / std::sqrt(static_cast<double>(q.size(2)));
  return at::softmax(scores.masked_fill(mask.logical_not(), -INFINITY), -1).matmul(v);
}

TEST(Bricks, MasksHideKeys) {
  const Tensor q = numbers({2, 4, 8}, 1), k = numbers({2, 5, 8}, 2), v = numbers({2, 5, 8}, 3);
  Tensor mask = numbers({4, 5}, 4) > 0;
  mask.select(1, 0).fill_(true);
  const Tensor want = by_hand(q, k, v, mask);
  EXPECT_TRUE(torch::allclose(attend(q, k, v, 1, mask), want, 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(attend_changed(
                                  q, k, v, 1, [](const Tensor& w) { return w; }, mask),
                              want, 1e-5, 1e-6));
  const auto half = [](const Tensor& x) { return x.to(torch::kBFloat16); };
  EXPECT_TRUE(torch::allclose(attend(half(q), half(k), half(v), 1, mask).to(torch::kFloat32), want, 5e-2, 5e-2));
}

TEST(Bricks, CausalAttentionDoesNotLookAhead) {
  const Attention attention = Attention::drawn(8, 2, golden::any_numbers(), /*causal=*/true);
  const Tensor x = numbers({1, 5, 8}, 1);
  Tensor other = x.clone();
  other.select(1, 3).add_(1);
  const Tensor a = attention(x), b = attention(other);
  EXPECT_TRUE(torch::allclose(a.narrow(1, 0, 3), b.narrow(1, 0, 3), 1e-6, 1e-7));
  EXPECT_FALSE(torch::allclose(a.narrow(1, 3, 2), b.narrow(1, 3, 2), 1e-3, 1e-3));
}

TEST(Bricks, InsertedKeysAreSeenByEveryQuery) {
  KeysValues rows(numbers({1, 3, 8}, 1), numbers({1, 3, 8}, 2));
  rows.insert(1, numbers({2, 8}, 3), numbers({2, 8}, 4));
  const Tensor want = torch::tensor({{1, 1, 1, 0, 0}, {1, 1, 1, 1, 0}, {1, 1, 1, 1, 1}}).to(torch::kBool);
  EXPECT_TRUE(torch::equal(rows.causal_mask(), want));
}

// Frozen weights may lie in bfloat16 while everything is computed in float32: then a network computes what it would with these weights
// widened, forward and backward, and the graph keeps no wide copy of them.
TEST(Bricks, NarrowWeightsComputeAsTheSameWeightsWidened) {
  Linear narrow(numbers({6, 5}, 1).to(torch::kBFloat16), numbers({6}, 2).to(torch::kBFloat16));
  const Linear wide(narrow.weight.to(torch::kFloat32), narrow.bias.to(torch::kFloat32));
  const Tensor x = numbers({3, 2, 5}, 3), other = numbers({3, 2, 6}, 4), pull = numbers({3, 2, 6}, 5);
  const auto gradient = [&](const Linear& linear, const auto& compute) {
    const Tensor in = x.clone().requires_grad_();
    const Tensor out = compute(linear, in);
    EXPECT_EQ(out.scalar_type(), torch::kFloat32);
    (out * pull).sum().backward();
    return std::pair(out.detach(), in.grad());
  };
  const auto same = [&](const char* what, const auto& compute) {
    const auto of_narrow = gradient(narrow, compute), of_wide = gradient(wide, compute);
    EXPECT_TRUE(torch::equal(of_narrow.first, of_wide.first)) << what;
    EXPECT_TRUE(torch::allclose(of_narrow.second, of_wide.second, 1e-6, 1e-6)) << what;
  };
  same("product", [](const Linear& l, const Tensor& in) { return l(in); });
  same("gelu", [](const Linear& l, const Tensor& in) { return linear_gelu(in, l.weight, l.bias); });
  same("sum", [&](const Linear& l, const Tensor& in) { return l.add_to(other, in); });
  const Linear unbiased(narrow.weight);
  EXPECT_TRUE(torch::equal(unbiased(x.clone().requires_grad_()), Linear(wide.weight)(x)));
  narrow.bias = narrow.bias.to(torch::kFloat32).requires_grad_();  // a trained bias gets its gradient
  (narrow(x.clone().requires_grad_()) * pull).sum().backward();
  EXPECT_TRUE(torch::allclose(narrow.bias.grad(), pull.sum(torch::IntArrayRef{0, 1}), 1e-6, 1e-6));
}

TEST(Bricks, AnMlpIsTwoProducts) {
  const Mlp mlp(Linear::drawn(16, 8, golden::any_numbers()), Linear::drawn(8, 16, golden::any_numbers()), Activation::kQuickGelu);
  const Tensor x = numbers({3, 8}, 1), h = mlp.fc1(x);
  EXPECT_TRUE(torch::allclose(mlp(x), mlp.fc2(h / (1 + at::exp(-1.702 * h))), 1e-5, 1e-6));
}

}  // namespace
}  // namespace clb::nn
