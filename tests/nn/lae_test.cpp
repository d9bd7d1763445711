// The three modules of LAE, its moving average and its ensemble against gqk/LAE (fixture "lae").
#include <clb/nn/adapter.hpp>
#include <clb/nn/fit.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/lora.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/prefix.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::Golden;
using torch::Tensor;

constexpr double kFeatureTolerance = 8e-6;

struct Lae {
  explicit Lae(Golden& golden)
      : g(golden),
        vit(g.with_prefix("vit.param."), {.heads = g.config()["num_heads"].get<int64_t>()}),
        blocks(g.config()["blocks"].get<std::vector<int64_t>>()) {
    for (int64_t task = 0; task < 2; ++task) {
      const std::string name = "head" + std::to_string(task) + ".";
      heads.emplace_back(LinearHeadOptions{.dim = vit.dim()}, golden::any_numbers()).grow(g[name + "bias"].size(0));
      golden::fill(heads.back(), g, golden::prefixed(name));
    }
  }

  Tensor logits(const Tensor& feature) const { return at::cat({heads[0](feature), heads[1](feature)}, 1); }

  // Cross-entropy among the classes of task 1.
  Tensor loss(const Tensor& logits) const {
    std::vector<int64_t> current;
    for (int64_t c = heads[0].classes(); c < logits.size(1); ++c) current.push_back(c);
    return at::cross_entropy_loss(mask_to(current, logits), g["labels"]);
  }

  // "<block>.<part>" -> "pet<i>.<reference's part>"
  golden::Names names(const std::map<std::string, std::string>& parts) const {
    return [this, parts](const std::string& name) {
      const auto dot = name.find('.');
      const auto at = std::find(blocks.begin(), blocks.end(), std::stoll(name.substr(0, dot))) - blocks.begin();
      return "pet" + std::to_string(at) + "." + parts.at(name.substr(dot + 1));
    };
  }

  void check(const std::string& kind, Injection& module, const golden::Names& names) {
    golden::fill(module, g, [&](const std::string& name) { return kind + "." + names(name); });
    const Tensor feature = vit.cls(g["images"], module), all = logits(feature);
    all.retain_grad();
    const Tensor value = loss(all);
    g.close(kind + ".feature", feature, kFeatureTolerance);
    g.close(kind + ".logits", all, 2e-5);
    g.close(kind + ".loss", value.reshape({1}), 3e-6);
    for (auto& head : heads) head.parameters([](const std::string&, Tensor& t) { t.mutable_grad() = Tensor(); });
    value.backward();
    g.close(kind + ".grad_logits", all.grad(), 7e-7);
    module.parameters([&](const std::string& name, Tensor& t) { g.close(kind + ".grad." + names(name), t.grad(), 4e-6); });
    heads[1].parameters([&](const std::string& name, Tensor& t) { g.close(kind + ".grad.head1." + name, t.grad(), 4e-6); });
  }

  Golden& g;
  Vit vit;
  std::vector<int64_t> blocks;
  std::vector<GrowingLinear> heads;
};

const std::map<std::string, std::string> kAdapter = {{"down.weight", "layer.0.weight"},
                                                     {"down.bias", "layer.0.bias"},
                                                     {"up.weight", "layer.2.weight"},
                                                     {"up.bias", "layer.2.bias"},
                                                     {"scale", "layer.3.scale"}};
const std::map<std::string, std::string> kLora = {{"k.a", "lora_A.0"}, {"k.b", "lora_B.0"}, {"k.scale", "scale.0.scale"},
                                                  {"v.a", "lora_A.1"}, {"v.b", "lora_B.1"}, {"v.scale", "scale.1.scale"}};
const std::map<std::string, std::string> kPrefix = {
    {"keys", "key.tokens"}, {"values", "val.tokens"}, {"key_scale", "key.scaler.scale"}, {"value_scale", "val.scaler.scale"}};

// Three steps of Adam, each followed by offline <- d offline + (1 - d) online; then two more averages of an online set that stands still.
void check_average_and_ensemble(Lae& lae, Adapter& online, const golden::Names& names) {
  Golden& g = lae.g;
  const double decay = g.config()["decay"];
  const auto pet = [&](const std::string& name) { return names(name).substr(3); };  // "pet0.x" -> "0.x"
  golden::fill(online, g, [&](const std::string& name) { return "adapter." + names(name); });
  Adapter offline = copy_of(online);
  Trainer trainer({.optimizer = "adam", .lr = g.config()["lr"]}, {online, lae.heads[0], lae.heads[1]}, 1);
  for (int64_t step = 0; g.has("ema.step" + std::to_string(step) + ".loss"); ++step) {
    const std::string at = "ema.step" + std::to_string(step) + ".";
    const Tensor loss = lae.loss(lae.logits(lae.vit.cls(g["images"], online)));
    g.close(at + "loss", loss.reshape({1}), 6e-6);
    trainer.step(loss);
    update_average(offline, online, decay);
    online.parameters([&](const std::string& name, Tensor& t) { g.close(at + "online." + pet(name), t, 6e-6); });
    offline.parameters([&](const std::string& name, Tensor& t) { g.close(at + "offline." + pet(name), t, 6e-6); });
    for (int64_t k = 0; k < 2; ++k) {
      const std::string head = at + "head" + std::to_string(k) + ".";
      if (!g.has(head + "weight")) continue;
      lae.heads[k].parameters([&](const std::string& name, Tensor& t) { g.close(head + name, t, 6e-6); });
    }
  }
  const torch::NoGradGuard no_grad;
  const Tensor a = lae.logits(lae.vit.cls(g["test_images"], online)), b = lae.logits(lae.vit.cls(g["test_images"], offline));
  const Tensor best = at::maximum(at::softmax(a, 1), at::softmax(b, 1));
  g.close("ens.online_logits", a, 2e-5);
  g.close("ens.offline_logits", b, 2e-5);
  g.close("ens.prob", best, 3e-6);
  g.equal("ens.pred", best.argmax(1));
  for (int k = 0; k < 2; ++k) update_average(offline, online, decay);
  offline.parameters([&](const std::string& name, Tensor& t) { g.close("ema.frozen.offline." + pet(name), t, 5e-6); });
}

TEST(LaeGolden, EveryTensorOfTheFixture) {
  CLB_GOLDEN(g, "lae");
  Lae lae(g);
  Adapter adapter(lae.vit.shape(), {.kind = AdapterKind::kLae, .blocks = lae.blocks, .bottleneck = g.config()["rank"]},
                  golden::any_numbers());
  Lora lora(lae.vit.shape(), {.blocks = lae.blocks, .rank = g.config()["rank"], .scales = true}, golden::any_numbers());
  Prefix prefix(lae.vit.shape(), {.blocks = lae.blocks, .length = g.config()["length"], .position = 1, .scales = true, .compensate = true},
                golden::any_numbers());
  lae.check("adapter", adapter, lae.names(kAdapter));
  lae.check("lora", lora, lae.names(kLora));
  lae.check("prefix", prefix, lae.names(kPrefix));
  golden::Tap tap;
  Together both({&prefix, &tap});
  lae.vit.cls(g["images"], both);
  g.close("prefix.block0.attn", tap.seen.at("block" + std::to_string(lae.blocks[0]) + ".attention"), 2e-6);
  check_average_and_ensemble(lae, adapter, lae.names(kAdapter));

  const Tensor a = g["ens2.online_logits"], b = g["ens2.offline_logits"], p = at::softmax(a, 1), q = at::softmax(b, 1);
  g.close("ens2.prob", at::maximum(p, q));
  g.equal("ens2.pred", at::maximum(p, q).argmax(1));
  g.equal("ens2.pred_mean_of_probs", ((p + q) / 2).argmax(1));
  g.equal("ens2.pred_max_of_logits", at::maximum(a, b).argmax(1));
  g.expect_all_compared({"vit.param.", "images", "labels", "test_images", "head0.", "head1.", "adapter.pet", "lora.pet", "prefix.pet",
                         "ens2.online_logits", "ens2.offline_logits"});
}

}  // namespace
}  // namespace clb::nn
