// Prompt tokens against KMnP/vpt and LAMDA-PILOT (fixture "vpt"): features, gradients, optimiser steps, the dual-branch prototypes.
#include <clb/nn/fit.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/prompt_tokens.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::backbone;
using golden::Golden;
using torch::Tensor;

void set(Module& module, const Tensor& value) {
  module.parameters([&](const std::string&, Tensor& t) {
    ASSERT_EQ(t.sizes(), value.sizes());
    t = value.clone().requires_grad_();
  });
}

// The form of the VPT repository: prompts behind the class token, plain cross-entropy, no decay on the head's bias.
void check_vpt(Golden& g, const std::string& kind, bool deep) {
  const Vit vit = backbone(g);
  const int64_t length = g.config()["N"];
  const Tensor stack = deep ? at::cat({g["param.prompt_first"], g["param.prompt_deep"]}) : g["param.prompt_first"];  // [layers, N, d]
  PromptTokens prompts(vit.shape(), {.length = length, .deep = deep}, golden::any_numbers());
  set(prompts, stack);
  GrowingLinear head({.dim = vit.dim()}, golden::any_numbers());
  head.grow(g["param.head.bias"].size(0));
  golden::fill(head, g, golden::prefixed("param.head."));

  golden::Tap tap;
  Together both({&prompts, &tap});
  FitGroup head_group(head);
  head_group.decay_bias = false;
  Trainer trainer({.optimizer = "sgd", .lr = g.config()["lr"], .momentum = 0.9, .weight_decay = g.config()["wd"]}, {prompts, head_group},
                  1);
  const auto compare = [&](const std::string& at, const std::function<Tensor(const Tensor&)>& part) {
    const Tensor tokens = part(golden::parameters_of(prompts).at("tokens"));
    g.near(at + "prompt_first", tokens.narrow(0, 0, 1));
    if (deep) g.near(at + "prompt_deep", tokens.narrow(0, 1, tokens.size(0) - 1));
    head.parameters([&](const std::string& name, Tensor& t) { g.near(at + "head." + name, part(t)); });
  };
  for (int64_t step = 0; step < 3; ++step) {
    const Tensor feature = vit.cls(g["in.x"], both), logits = head(feature), loss = at::cross_entropy_loss(logits, g["in.y"]);
    if (step > 0) compare(kind + ".after" + std::to_string(step) + ".", [](const Tensor& t) { return t; });
    if (step == 2) break;
    trainer.step(loss);
    if (step > 0) continue;
    std::vector<int64_t> lengths;
    for (int64_t i = 0; i < vit.shape().depth; ++i) lengths.push_back(tap.seen.at("block" + std::to_string(i) + ".in").size(1));
    g.equal(kind + ".sequence_length", torch::tensor(lengths));
    g.near(kind + ".feature", feature);
    g.near(kind + ".logits", logits);
    g.near(kind + ".loss", loss);
    compare(kind + ".grad.", [](const Tensor& t) { return t.grad(); });
  }
  PromptTokens behind(vit.shape(), {.length = length, .deep = deep, .at_end = true}, golden::any_numbers());
  set(behind, stack);
  g.near(kind + ".feature_append_form", vit.cls(g["in.x"], behind));
}

// LAMDA-PILOT's form: zeros behind the patches, cosine head, decay on everything, cosine schedule over two epochs of one batch.
PromptTokens check_aper(Golden& g, const std::string& kind, bool deep) {
  const Vit vit = backbone(g);
  const std::string at = "aper." + kind + ".";
  constexpr double kLoose = 1e-4;  // the LayerNorm of a constant token multiplies rounding by 1 / sqrt(eps)
  PromptTokens prompts(vit.shape(), {.length = g.config()["N"], .deep = deep, .at_end = true, .zero_init = true}, golden::any_numbers());
  CosineHead head({.dim = vit.dim()}, golden::any_numbers());
  head.grow(g["aper.head_init.weight"].size(0));
  head.parameters([&](const std::string& name, Tensor& t) {
    if (name == "weight") t = g["aper.head_init.weight"].requires_grad_();
  });
  const FitOptions fit{.optimizer = "sgd",
                       .lr = g.config()["pilot_lr"],
                       .momentum = 0.9,
                       .weight_decay = g.config()["pilot_wd"],
                       .epochs = 2,
                       .schedule = "cosine"};
  Trainer trainer(fit, {prompts, head}, 1);
  const auto near = [&](const std::string& name, const Tensor& got) {
    g.close_to(name, g[name], got, 5e-6 + kLoose * g[name].abs().max().item<double>());
  };
  for (int64_t step = 1; step <= 2; ++step) {
    const Tensor feature = vit.cls(g["in.xa"], prompts), logits = head(feature), loss = at::cross_entropy_loss(logits, g["in.ya"]);
    trainer.step(loss);
    if (step == 1) {
      g.near(at + "feature", feature);
      g.near(at + "logits", logits);
      g.near(at + "loss", loss);
      const Tensor gradient = golden::parameters_of(prompts).at("tokens").grad();
      near(at + "grad.prompt", gradient);
      head.parameters([&](const std::string& name, Tensor& t) { near(at + "grad.head." + name, t.grad()); });
      EXPECT_LE((gradient - gradient.narrow(1, 0, 1)).abs().max().item<double>(), 1e-6) << "the tokens of a layer stay equal";
    }
    const std::string after = at + "after" + std::to_string(step) + ".";
    near(after + "prompt", golden::parameters_of(prompts).at("tokens"));
    head.parameters([&](const std::string& name, Tensor& t) { near(after + "head." + name, t); });
  }
  return prompts;
}

void check_prototypes(Golden& g, const PromptTokens& prompts) {
  const torch::NoGradGuard no_grad;
  const Vit vit = backbone(g);
  const auto features = [&](const std::string& images) { return at::cat({vit.cls(g[images]), vit.cls(g[images], prompts)}, 1); };
  const Tensor test = features("in.x");
  g.near("aper.stage_b.features_test", test);
  std::vector<Tensor> rows;
  for (const auto& [task, part] : {std::pair{"0", "a"}, {"1", "b"}}) {
    const Tensor train = features(std::string("in.x") + part), labels = g[std::string("in.y") + part];
    for (int64_t c = labels.min().item<int64_t>(); c <= labels.max().item<int64_t>(); ++c)
      rows.push_back(train.index_select(0, (labels == c).nonzero().squeeze(1)).mean(0));
    CosineHead head({.dim = test.size(1), .learn_sigma = false}, golden::any_numbers());
    head.parameters([&](const std::string&, Tensor& t) { t = at::stack(rows); });
    const Tensor logits = head(test);
    g.near(std::string("aper.stage_b.prototypes_task") + task, at::stack(rows));
    g.near(std::string("aper.stage_b.logits_task") + task, logits);
    if (*task == '1') g.equal("aper.stage_b.pred_task1", logits.argmax(1));
  }
}

TEST(VptGolden, EveryTensorOfTheFixture) {
  CLB_GOLDEN(g, "vpt");
  check_vpt(g, "shallow", false);
  check_vpt(g, "deep", true);
  check_aper(g, "shallow", false);
  check_prototypes(g, check_aper(g, "deep", true));
  const Vit vit = backbone(g);
  const Tensor fresh = golden::parameters_of(
      *std::make_unique<PromptTokens>(vit.shape(), PromptTokensOptions{.length = 500}, golden::any_numbers()))["tokens"];
  const double bound = g["init_bound"].item<double>();
  EXPECT_LE(fresh.abs().max().item<double>(), bound * (1 + 1e-6));
  EXPECT_GE(fresh.abs().max().item<double>(), 0.99 * bound);
  g.expect_all_compared({"vit.", "in.", "param.", "init_bound", "aper.head_init."});
}

}  // namespace
}  // namespace clb::nn
