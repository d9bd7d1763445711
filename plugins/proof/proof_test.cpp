// PROOF against the released code (fixture "proof"), and the invariants of its chapter.
#include "proof.cpp"

#include "golden/golden.hpp"
#include "nn/golden_modules.hpp"
#include "support/method_bench.hpp"

namespace {

using clb::golden::Golden;
using clb::testing::BenchText;
using clb::testing::choice;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::value;
using Bench = clb::testing::MethodBench<Proof>;

using clb::golden::any_numbers;
using clb::nn::TokenFusion;

at::Generator generator(uint64_t seed) { return at::detail::createCPUGenerator(seed); }

// What the fixture keeps apart under each of these names, one below the other.
std::vector<std::string> parts_of(const std::string& name) {
  if (name == "attn.qkv.weight") return {"attn.w_qs.weight", "attn.w_ks.weight", "attn.w_vs.weight"};
  if (name.starts_with("attn.proj.")) return {"attn.fc." + name.substr(10)};
  return {name};
}
Tensor stored(const Golden& g, const std::string& prefix, const std::string& name) {
  std::vector<Tensor> parts;
  for (const std::string& part : parts_of(name)) parts.push_back(g[prefix + part]);
  return at::cat(parts);
}

// The fixture's network after its last task; the newest image projection and prompts are trained, and all text projections.
Network network_of(const Golden& g) {
  Network network;
  const auto projections = static_cast<int64_t>(g.with_prefix("proj_img.").size() / 2);
  for (int64_t k = 0; k < projections; ++k) {
    network.proj_img.add(clb::nn::Linear::zeros(1, 1));
    network.proj_txt.add(clb::nn::Linear::zeros(1, 1));
    network.contexts.push_back(torch::zeros({1, 1}));
  }
  network.fusion = TokenFusion(g["images.feat"].size(1), 0.1, any_numbers());
  network.logit_scale = torch::zeros({});
  network.parameters([&](const std::string& name, Tensor& t) {
    t = name == "logit_scale" ? g[name].reshape({}) : stored(g, "", name);
    const std::string newest = std::to_string(projections - 1);
    const bool frozen =
        (name.starts_with("proj_img.") && !name.starts_with("proj_img." + newest)) || (name.starts_with("ctx.") && name != "ctx." + newest);
    t.requires_grad_(!frozen);
  });
  return network;
}

TEST(Proof, EqualsTheReference) {
  CLB_GOLDEN(g, "proof");
  Network network = network_of(g);
  const Tensor labels = g["labels"], texts = g["text.feat"], raw = unit_rows(g["proto.images"]).mean(1);
  g.close("prototypes.raw", raw, 2e-6);
  const Tensor image = network.image(g["images.feat"]), text = network.text(texts[0]), prototypes = network.prototypes(raw);
  g.close("img", image, 2e-5);
  g.close("txt", text, 2e-5);
  g.close("pro", prototypes, 3e-6);

  const Fused f = network.fuse(unit_rows(image), unit_rows(text), prototypes, true);
  g.close("train.S_out", f.whole, 9e-6);
  g.close("train.img", f.image, 8e-6);
  g.close("train.txt", f.text, 8e-6);
  g.close("train.pro", f.prototypes, 7e-6);
  g.close("train.logits", similarity(f.image, f.text), 3e-5);
  std::vector<Tensor> parts{unit_rows(image).unsqueeze(1)};
  for (const Tensor& shared : {unit_rows(text), prototypes, at::cat(network.contexts)})
    parts.push_back(shared.unsqueeze(0).expand({image.size(0), -1, -1}));
  g.close("train.S", at::cat(parts, 1), 9e-6);

  const Losses l = losses_of(network, image, text, prototypes, labels, true);
  const Tensor loss = l.text + l.prototypes + l.clip;
  g.close("train.loss_text", l.text.reshape({1}), 4e-6);
  g.close("train.loss_proto", l.prototypes.reshape({1}), 2e-5);
  g.close("train.loss_clip", l.clip.reshape({1}), 5e-6);
  g.close("train.loss", loss.reshape({1}), 3e-5);
  loss.backward();
  std::set<std::string> trained;
  network.parameters([&](const std::string& name, Tensor& t) {
    if (!t.grad().defined()) return;
    const auto parts = parts_of(name);
    const auto grads = parts.size() > 1 ? t.grad().chunk(static_cast<int64_t>(parts.size())) : std::vector<Tensor>{t.grad()};
    for (size_t k = 0; k < parts.size(); ++k) {
      trained.insert(parts[k]);
      g.close("train.grad." + parts[k], grads[k].reshape(g["train.grad." + parts[k]].sizes()), 2e-5);
    }
  });
  EXPECT_EQ(trained.size(), g.with_prefix("train.grad.").size());

  const torch::NoGradGuard no_grad;
  const Tensor ensemble = clb::text_ensemble(network.text(texts));
  g.close("eval.text", ensemble, 3e-6);
  g.close("eval.S_out", network.fuse(image, ensemble, prototypes, true).whole, 2e-5);
  g.close("eval.logits", scores_of(network, image, ensemble, prototypes, true, true), 4e-5);
  g.close("eval.logits_single", scores_of(network, image, ensemble, prototypes, true, false), 4e-5);
  g.expect_all_compared({"images.feat", "text.feat", "labels", "logit_scale", "proto.images", "proj_img.", "proj_txt.", "ctx.", "attn."});
}

struct Made {
  static constexpr int64_t kDim = 8, kClasses = 6;
  Tensor texts = at::randn({2, kClasses, kDim}, generator(1)), labels = torch::arange(60) % kClasses,
         images = texts[0].index_select(0, labels) + 0.4 * at::randn({60, kDim}, generator(2));

  Samples of(int64_t first, int64_t end) const {
    const Tensor rows = (labels >= first).logical_and(labels < end).nonzero().squeeze(1);
    return Samples{.features = images, .labels = labels, .kind = "main:image"}.rows(rows);
  }
  BenchText text() const {
    BenchText text{.templates = {"0 {}", "1 {}"}, .width = kDim};
    text.class_rows = [texts = texts](const std::string& sentence, const std::vector<int64_t>& classes) {
      return texts[std::stoll(sentence)].index_select(0, torch::tensor(classes, torch::kInt64));
    };
    return text;
  }
  static clb::testing::BenchWeights weights() { return {.tensors = {{"logit_scale", torch::tensor(2.6593F)}}}; }
};

Settings settings(const Settings& changes = {}) {
  Settings all{{"epochs", value(int64_t{3})}, {"batch_size", value(int64_t{8})}, {"lr", value(0.02)}, {"memory_size", value(int64_t{12})}};
  for (const auto& [name, v] : changes) all[name] = v;
  return all;
}

struct State {
  Network network;
  clb::nn::ClassMeans means;
  Tensor text;
  clb::Task task;

  explicit State(Bench& bench) {
    network.fusion = TokenFusion(1, 0, any_numbers());
    network.logit_scale = torch::zeros({});
    clb::testing::load(*this, bench.save());
  }
  void state(clb::Archive& a) {
    const auto any = [] { return clb::nn::Linear::zeros(1, 1); };
    task.state(a);
    a("proj_img", network.proj_img.items(), any)("proj_txt", network.proj_txt.items(), any)("contexts", network.contexts);
    a("fusion", network.fusion)("logit_scale", network.logit_scale)("means", means)("text", text);
  }
};

// Two tasks of three classes.
void learn(Bench& bench, const Made& made) {
  bench.train(made.of(0, 3), 3);
  bench.train(made.of(3, 6), 6);
}

TEST(Proof, LearnsTasksAndKeepsHerdedExemplars) {
  const Made made;
  Bench bench(settings(), Made::weights(), made.text());
  bench.train(made.of(0, 3), 3);
  EXPECT_EQ(bench.memory.count(), 12) << "four of each of three classes";
  const Tensor first = bench.memory.ids.clone();
  bench.train(made.of(3, 6), 6);
  EXPECT_EQ(bench.memory.count(), 12) << "two of each of six classes";
  const Tensor kept = bench.memory.ids.narrow(0, 0, 6).reshape({3, 2}), before = first.reshape({3, 4}).narrow(1, 0, 2);
  EXPECT_TRUE(torch::equal(kept, before)) << "the first of each old class";
  const auto losses = bench.metrics.at("loss");
  EXPECT_LT(losses.back().second, losses.front().second);
  const Tensor right = bench.predict(made.of(0, 6)).argmax(1).eq(made.of(0, 6).labels);
  EXPECT_GT(right.to(torch::kFloat64).mean().item<double>(), 0.6);
}

TEST(Proof, WithoutProjectionsAndFusionItIsClipAsItIs) {
  const Made made;
  Bench bench(settings({{"projections", value(false)}, {"fusion", value(false)}}), Made::weights(), made.text());
  learn(bench, made);
  const Tensor logits = bench.predict(made.of(0, 6));
  const Tensor cosines = unit_rows(made.of(0, 6).features).matmul(clb::text_ensemble(made.texts).t());
  EXPECT_TRUE(torch::equal(logits.argmax(1), cosines.argmax(1)));
  EXPECT_TRUE(torch::allclose(unit_rows(logits), unit_rows(cosines), 1e-5, 1e-6));
  EXPECT_EQ(bench.metrics.count("updates"), 0u) << "nothing is trained";
}

TEST(Proof, OldImageProjectionsAndPromptsStandStill) {
  const Made made;
  for (const bool paper : {false, true}) {
    Bench bench(settings({{"freeze_old_text", value(paper)}}), Made::weights(), made.text());
    bench.train(made.of(0, 3), 3);
    State first(bench);
    bench.train(made.of(3, 6), 6);
    State second(bench);
    EXPECT_EQ(second.network.proj_img.size(), 2u);
    EXPECT_TRUE(torch::equal(first.network.proj_img[0].weight, second.network.proj_img[0].weight));
    EXPECT_TRUE(torch::equal(first.network.contexts[0], second.network.contexts[0]));
    EXPECT_EQ(torch::equal(first.network.proj_txt[0].weight, second.network.proj_txt[0].weight), paper);
    EXPECT_FALSE(torch::equal(first.network.fusion.attention.proj.weight, second.network.fusion.attention.proj.weight));
    EXPECT_TRUE(torch::equal(first.means.means(), second.means.means().narrow(0, 0, 3)))
        << "of training images of the task that brought them";
  }
}

TEST(Proof, AnImageByItselfDoesNotSeeItsBatch) {
  const Made made;
  Bench bench(settings(), Made::weights(), made.text());
  learn(bench, made);
  const Samples all = made.of(0, 6);
  const Tensor logits = bench.predict(all);
  for (const int64_t row : {0, 17}) {
    const Tensor alone = bench.predict(all.rows(torch::tensor({row})));
    EXPECT_TRUE(torch::allclose(alone[0], logits[row], 1e-4, 1e-4));
  }
  Bench published(settings({{"batch_average_test", value(true)}}), Made::weights(), made.text());
  published.load(bench.save(), 1000, 6);
  EXPECT_FALSE(torch::allclose(published.predict(all), logits, 1e-4, 1e-4)) << "the mean over the batch";
  const Samples same = all.rows(torch::tensor({5, 5, 5, 5}));
  EXPECT_TRUE(torch::allclose(published.predict(same)[0], logits[5], 1e-4, 1e-4)) << "of one image four times";
}

TEST(Proof, SumsOfProjectionsAreLinear) {
  Network network;
  network.logit_scale = torch::zeros({});
  const Tensor eye = at::eye(8), x = at::randn({5, 8}, generator(3));
  for (int k = 0; k < 3; ++k) network.proj_img.add(clb::nn::Linear(k == 1 ? eye : torch::zeros({8, 8}), torch::zeros(8)));
  EXPECT_TRUE(torch::equal(network.image(x), x)) << "zero weights but for one identity";
  network.proj_img[0] = clb::nn::Linear(at::randn({8, 8}, generator(4)), torch::zeros(8));
  const Tensor once = network.image(x) - x;
  network.proj_img[0].weight.mul_(2);
  EXPECT_TRUE(torch::allclose(network.image(x) - x, 2 * once, 1e-5, 1e-5));
  network.newest_only = true;
  EXPECT_TRUE(torch::equal(network.image(x), torch::zeros({5, 8}))) << "the newest is zero";
}

TEST(Proof, FusionWithoutItsOutputIsALayerNormAndFollowsPermutations) {
  Network network;
  network.fusion = TokenFusion(8, 0.1, any_numbers());
  network.contexts = {at::randn({3, 8}, generator(5))};
  const Tensor image = at::randn({4, 8}, generator(6)), text = at::randn({5, 8}, generator(7)),
               prototypes = at::randn({5, 8}, generator(8));
  const Fused f = network.fuse(image, text, prototypes, true);
  const Tensor order = torch::tensor({4, 2, 0, 1, 3});
  const Fused permuted = network.fuse(image, text.index_select(0, order), prototypes.index_select(0, order), true);
  EXPECT_TRUE(torch::allclose(permuted.text, f.text.index_select(0, order), 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(permuted.image, f.image, 1e-5, 1e-6));
  network.fusion.attention.proj = clb::nn::Linear(torch::zeros({8, 8}), torch::zeros(8));
  EXPECT_TRUE(torch::allclose(network.fuse(image, text, prototypes, true).image, torch::layer_norm(image, {8}), 1e-5, 1e-6));
}

TEST(Proof, GoesOnFromWhatItSaved) {
  const Made made;
  for (const Settings& changes : {Settings{}, Settings{{"projections", value(false)}}, Settings{{"fusion", value(false)}}}) {
    Bench bench(settings(changes), Made::weights(), made.text()), again(settings(changes), Made::weights(), made.text());
    learn(bench, made);
    again.load(bench.save(), 7, 6);
    EXPECT_EQ(again.save(), bench.save());
    EXPECT_TRUE(torch::equal(again.predict(made.of(0, 6)), bench.predict(made.of(0, 6))));
  }
}

}  // namespace
