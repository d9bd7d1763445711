// The five tuners of APER against RevisitingCIL (fixture "aper"): features, block outputs, gradients, prototypes of both branches together.
#include <clb/nn/adapter.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/nn/ssf.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::Golden;
using torch::Tensor;

constexpr double kTolerance = 2e-5;  // of features and blocks; the fixture's rule (3e-6 of the largest value) where nothing is said

Vit pretrained(const Golden& golden) {
  return Vit(golden.with_prefix("ptm.param."), {.heads = golden.config()["num_heads"].get<int64_t>()});
}

// Whatever the reference calls them.
std::string adapter_name(const std::string& name) {  // "0.down.weight"
  const auto dot = name.find('.'), last = name.rfind('.');
  return "blocks." + name.substr(0, dot) + ".adaptmlp" + name.substr(dot, last - dot) + "_proj" + name.substr(last);
}

std::string ssf_name(const std::string& name) {  // "0.norm1.scale", "patch.scale"
  static const std::map<std::string, std::pair<std::string, std::string>> kPlaces = {
      {"patch", {"patch_embed.", "_1"}}, {"norm", {"", "_1"}},  {"norm1", {"", "_1"}},   {"qkv", {"attn.", "_1"}},
      {"proj", {"attn.", "_2"}},         {"norm2", {"", "_2"}}, {"fc1", {"mlp.", "_1"}}, {"fc2", {"mlp.", "_2"}}};
  const auto last = name.rfind('.'), dot = name.find('.');
  const bool in_block = dot != last;
  const auto& [place, number] = kPlaces.at(in_block ? name.substr(dot + 1, last - dot - 1) : name.substr(0, dot));
  return (in_block ? "blocks." + name.substr(0, dot) + "." : "") + place + "ssf_" + name.substr(last + 1) + number;
}

std::string prompt_name(const std::string&) { return "Prompt_Tokens"; }

class Aper : public ::testing::Test {
 protected:
  // Cross-entropy of the cosine head on the images of the first task, backwards.
  CosineHead stage_one(Golden& g, const std::string& tuner, const Tensor& feature) {
    CosineHead head({.dim = feature.size(1)}, golden::any_numbers());
    head.grow(g["head.weight"].size(0));
    golden::fill(head, g, golden::prefixed("head."));
    const Tensor first = (g["train_labels"] < head.classes()).nonzero().squeeze(1);
    const Tensor logits = head(feature.index_select(0, first));
    const Tensor loss = at::cross_entropy_loss(logits, g["train_labels"].index_select(0, first));
    g.close(tuner + ".feature", feature, kTolerance);
    g.close(tuner + ".logits", logits, 6e-6);
    g.close(tuner + ".loss", loss.reshape({1}), 3e-6);
    loss.backward();
    head.parameters([&](const std::string& name, Tensor& t) { g.close(tuner + ".grad.head." + name, t.grad(), 1e-6); });
    return head;
  }

  // Class means of both branches' features side by side, and the cosine over the whole vector.
  void dual(Golden& g, const std::string& tuner, const Tensor& train, const Tensor& test) {
    const Tensor labels = g["train_labels"];
    const int64_t first = g["head.weight"].size(0), classes = labels.max().item<int64_t>() + 1;
    std::vector<Tensor> rows;
    for (int64_t c = 0; c < classes; ++c) rows.push_back(train.index_select(0, (labels == c).nonzero().squeeze(1)).mean(0));
    CosineHead head({.dim = train.size(1), .learn_sigma = false, .init = HeadInit::zero()}, golden::any_numbers());
    head.grow(classes);
    head.parameters([&](const std::string&, Tensor& t) { t = at::stack(rows); });
    g.close(tuner + ".dual.task0.W", at::stack(rows).narrow(0, 0, first), kTolerance);
    g.close(tuner + ".dual.task1.W", at::stack(rows), kTolerance);
    g.close(tuner + ".dual.test_feature", test, 9e-6);
    g.close(tuner + ".dual.logits", head(test), 3e-6);
  }

  // outermost: block outputs hold what is left when the tuner has taken its tokens out again.
  void check(Golden& g, const std::string& tuner, Injection& injection, const golden::Names& names, bool outermost = true) {
    Vit vit = pretrained(g);
    golden::fill(injection, g, [&](const std::string& name) { return tuner + ".param." + names(name); });
    const Tensor feature = vit.cls(g["train_images"], injection);
    stage_one(g, tuner, feature);
    injection.parameters([&](const std::string& name, Tensor& t) { g.close(tuner + ".grad." + names(name), t.grad(), 1e-6); });
    vit.parameters([](const std::string& name, Tensor& t) { EXPECT_FALSE(t.grad().defined()) << name; });

    const torch::NoGradGuard no_grad;
    golden::Tap tap;
    Together both(outermost ? std::vector<Injection*>{&tap, &injection} : std::vector<Injection*>{&injection, &tap});
    vit.tokens(g["train_images"].narrow(0, 0, 2), both);
    for (int64_t i = 0; i < vit.shape().depth; ++i) {
      const std::string at = "block" + std::to_string(i);
      g.close(tuner + "." + at, tap.seen.at(at + ".out"), 1e-5);
      if (g.has(tuner + "." + at + ".adapter_out"))
        g.close(tuner + "." + at + ".adapter_out", injection.beside_mlp(i, tap.seen.at(at + ".mlp_in"), {}), 2e-6);
    }
    const auto h = [&](const Tensor& images) { return at::cat({vit.cls(images), vit.cls(images, injection)}, 1); };
    dual(g, tuner, h(g["train_images"]), h(g["test_images"]));
  }

  static std::vector<std::string> inputs() { return {"train_images", "train_labels", "test_images", "ptm.param.", "head."}; }
};

TEST_F(Aper, EveryTensorOfTheFixture) {
  CLB_GOLDEN(g, "aper");
  Vit vit = pretrained(g);
  g.close("ptm.feature", vit.cls(g["train_images"]), kTolerance);

  Adapter adapter(vit.shape(), {.bottleneck = g.config()["r"]}, golden::any_numbers());
  g.close("adapter_zero.feature", vit.cls(g["train_images"], adapter), kTolerance);
  check(g, "adapter", adapter, adapter_name);

  Ssf ssf(vit.shape(), golden::any_numbers());
  check(g, "ssf", ssf, ssf_name);

  const int64_t length = g.config()["P"];
  PromptTokens deep(vit.shape(), {.length = length, .deep = true, .at_end = true, .zero_init = true}, golden::any_numbers());
  check(g, "vpt_deep", deep, prompt_name);
  PromptTokens shallow(vit.shape(), {.length = length, .at_end = true, .zero_init = true}, golden::any_numbers());
  check(g, "vpt_shallow", shallow, prompt_name, /*outermost=*/false);

  Vit tuned = copy_of(vit);
  unfreeze(tuned);
  stage_one(g, "finetune", tuned.cls(g["train_images"]));
  for (const auto& [name, t] : golden::parameters_of(tuned)) {
    if (g.has("finetune.grad." + name)) g.close("finetune.grad." + name, t.grad(), 3e-6);
  }
  auto not_compared = inputs();
  for (const char* tuner : {"adapter", "ssf", "vpt_deep", "vpt_shallow"}) not_compared.push_back(std::string(tuner) + ".param.");
  g.expect_all_compared(not_compared);
}

}  // namespace
}  // namespace clb::nn
