// Prefix attention against DualPrompt in its corrected layout and CODA-Prompt (the parts of fixtures "dualprompt" and "coda" that depend on
// the network: features, logits, losses and gradients of the prefixes).
#include <clb/nn/heads.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/prefix.hpp>
#include <clb/nn/tensors.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::backbone;
using golden::Golden;
using torch::Tensor;

GrowingLinear head_of(const Golden& g, const std::string& state) {
  GrowingLinear head({.dim = g[state + "head.weight"].size(1)}, golden::any_numbers());
  head.grow(g[state + "head.bias"].size(0));
  golden::fill(head, g, golden::prefixed(state + "head."));
  return head;
}

std::vector<int64_t> classes_of(const Golden& g, int64_t task) {
  const Tensor row = g["class_mask"][task].contiguous();
  return {row.data_ptr<int64_t>(), row.data_ptr<int64_t>() + row.numel()};
}

// One key and one value prefix [n, L, d] or [L, d] per block out of stacks [blocks, ..., heads, d / heads].
GivenPrefix dual_prompts(const Golden& g, const Tensor& general, const Tensor& chosen) {
  std::vector<int64_t> blocks;
  std::vector<Tensor> keys, values;
  const auto add = [&](const std::vector<int64_t>& layers, const Tensor& stack, int64_t key_value) {  // the axis of {key, value}
    for (size_t k = 0; k < layers.size(); ++k) {
      blocks.push_back(layers[k]);
      keys.push_back(stack[k].select(key_value, 0).flatten(-2));
      values.push_back(stack[k].select(key_value, 1).flatten(-2));
    }
  };
  add(g.config()["g_layers"], general, 0);
  add(g.config()["e_layers"], chosen, 1);
  return {blocks, keys, values};
}

TEST(PrefixGolden, DualPrompt) {
  CLB_GOLDEN(g, "dualprompt");
  const Vit vit = backbone(g);
  const struct {
    std::string name, images, state;
    int64_t task;  // -1: a test
  } cases[] = {{"t0.train.", "in.x0", "param.", 0},
               {"t1.train.", "in.x1", "t0.after2.", 1},
               {"test.per_sample.", "in.xt", "t1.after1.", -1},
               {"test.voted.", "in.xt", "t1.after1.", -1}};
  for (const auto& c : cases) {
    const Tensor experts = (c.name == "t1.train." ? g["t1.start.e_prompt"] : g[c.state + "e_prompt"]).requires_grad_();
    const Tensor general = g[c.state + "g_prompt"].requires_grad_();
    GrowingLinear head = head_of(g, c.state);
    // [E layers, 2, M, L, heads, d / heads] -> [E layers, n, 2, L, heads, d / heads]
    const Tensor chosen = experts.index_select(2, g[c.name + "prompt_idx"].flatten()).transpose(1, 2);
    g.near(c.name + "batched_prompt", chosen);
    const Tensor feature = vit.cls(g[c.images], dual_prompts(g, general, chosen)), logits = head(feature);
    g.near(c.name + "query", vit.query(g[c.images]));
    g.near(c.name + "feature", feature);
    g.near(c.name + "logits", logits);
    if (c.task < 0) continue;
    const Tensor masked = mask_to(classes_of(g, c.task), logits);
    const Tensor loss = at::cross_entropy_loss(masked, g["in.y" + std::to_string(c.task)]);
    loss.backward();
    g.near(c.name + "logits_masked", masked);
    g.near(c.name + "ce", loss);
    g.near(c.name + "grad.e_prompt", experts.grad());
    g.near(c.name + "grad.g_prompt", general.grad());
    head.parameters([&](const std::string& name, Tensor& t) { g.near(c.name + "grad.head." + name, t.grad()); });
  }
}

// CODA's prompts: a weighted sum of components; the first half of their rows are keys.
TEST(PrefixGolden, Coda) {
  CLB_GOLDEN(g, "coda");
  const Vit vit = backbone(g);
  const std::vector<int64_t> layers = g.config()["prompt_layers"];
  for (const std::string name : {"t0.train.", "test."}) {
    const bool training = name != "test.";
    const std::string state = training ? "t0.start." : "t1.after1.", images = training ? "in.x0" : "in.xt";
    const Tensor alpha = g[name + "alpha"], P = g[state + "P"].requires_grad_();  // [layers, n, k], [layers, M, L, d]
    const Tensor prompts = at::einsum("lbk,lkpd->lbpd", {alpha, P.narrow(1, 0, alpha.size(2))});
    const auto halves = prompts.chunk(2, 2);
    g.near(name + "Ek", halves[0]);
    g.near(name + "Ev", halves[1]);
    GrowingLinear head = head_of(g, state);
    const Tensor feature = vit.cls(g[images], GivenPrefix(layers, halves[0].unbind(0), halves[1].unbind(0))), logits = head(feature);
    g.near(name + "query", vit.query(g[images]));
    g.near(name + "feature", feature);
    g.near(name + "logits", logits);
    if (!training) continue;
    const std::vector<int64_t> current = classes_of(g, 0);
    const Tensor loss = at::cross_entropy_loss(mask_to(current, logits), g["in.y0"]);
    loss.backward();
    g.near(name + "ce", loss);
    g.near(name + "grad.P", P.grad());
    head.parameters([&](const std::string& parameter, Tensor& t) { g.near(name + "grad.head." + parameter, t.grad()); });
  }
}

TEST(Prefix, OfLengthZeroIsThePlainNetwork) {
  const Vit vit(random_vit({.image = 16, .patch = 8, .dim = 24, .depth = 2, .heads = 3, .mlp = 48}, 1), {.heads = 3});
  const Tensor images = torch::rand({2, 3, 16, 16}), none = torch::zeros({2, 0, 24});
  EXPECT_LE((vit.cls(images, GivenPrefix({0, 1}, {none, none}, {none, none})) - vit.cls(images)).abs().max().item<double>(), 1e-6);
}

}  // namespace
}  // namespace clb::nn
