// PromptFusion and its form lite against the released code (fixture "promptfusion"), and the invariants of its chapter.
#include "promptfusion.cpp"

#include <torch/optim.h>

#include <clb/nn/gumbel.hpp>

#include "golden/golden.hpp"
#include "support/method_bench.hpp"

namespace {

using clb::golden::Golden;
using clb::nn::ClassContexts;
using clb::nn::Clip;
using clb::nn::ExpertGate;
using clb::nn::ReplayWeights;
using clb::nn::Vit;
using clb::testing::BenchText;
using clb::testing::choice;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::value;
using clb::testing::with;
using Bench = clb::testing::MethodBench<PromptFusion>;

at::Generator generator(uint64_t seed) { return at::detail::createCPUGenerator(seed); }
clb::nn::Rng any_numbers() {
  return [](const std::string& name) { return generator(name.size()); };
}
void set(clb::nn::Module& module, const std::map<std::string, Tensor>& numbers) {
  module.parameters([&](const std::string& name, Tensor& t) {
    if (const auto found = numbers.find(name); found != numbers.end()) t = found->second;
  });
}
std::map<std::string, Tensor> numbers_of(clb::nn::Module& module) {
  std::map<std::string, Tensor> numbers;
  module.parameters([&](const std::string& name, Tensor& t) { numbers[name] = t; });
  return numbers;
}

// Both experts of the fixture in its last task, with everything that learns.
struct Reference {
  explicit Reference(Golden& golden) : g(golden), c(golden.config()) {
    const clb::nn::ImageSize image{g["images"].size(2), g["images"].size(3)};
    clip = Clip(g.with_prefix("clip.param."),
                {.activation = clb::nn::Activation::kQuickGelu, .image_heads = c["vheads"], .text_heads = c["theads"], .image = image});
    auto tensors = g.with_prefix("vit.param.");
    const int64_t prompts = tensors.at("prompt.prompt").size(0);
    const Tensor positions = tensors.at("pos_embed"), patches = positions.slice(1, 1 + prompts);
    tensors["pos_embed"] = at::cat({positions.narrow(1, 0, 1), patches}, 1);
    tensors.erase("prompt.prompt");
    vit = Vit(tensors, {.heads = c["vit"]["num_heads"], .image = image});
    // The fixture's prompts have positions of their own, those of a run all have the class token's.
    shift = positions[0].narrow(0, 1, prompts) - positions[0].narrow(0, 0, 1);
    booster_prompts = g["vit.param.prompt.prompt"].requires_grad_();
    image_prompts = g["image_prompt"].squeeze(0).requires_grad_();
    set_head();
    set_contexts();
    set_weights();
  }

  int64_t seen() const { return g["tokens"].size(0); }
  std::vector<int64_t> own() const { return labels(seen() - c["inc"].get<int64_t>(), seen()); }
  static std::vector<int64_t> labels(int64_t first, int64_t end) {
    std::vector<int64_t> labels;
    for (int64_t k = first; k < end; ++k) labels.push_back(k);
    return labels;
  }

  void set_head() {
    head = {{.dim = vit.dim()}, any_numbers()};
    head.grow(g["vit.param.head.bias"].size(0));
    set(head, {{"weight", g["vit.param.head.weight"].requires_grad_()}, {"bias", g["vit.param.head.bias"].requires_grad_()}});
  }
  void set_contexts() {
    const Tensor all = g["context"], tokens = g["tokens"];
    contexts = {clip.text, all.size(1), [](int64_t label) { return generator(static_cast<uint64_t>(label)); }};
    const Tensor none = torch::zeros({seen(), clip.text.features()});
    set(contexts, {{"contexts", all}, {"features", none}, {"drawn_features", none}});
    const int64_t old = seen() - c["inc"].get<int64_t>();
    contexts.begin_task(labels(0, old), seen(), tokens.narrow(0, 0, old));
    contexts.end_task();
    contexts.begin_task(own(), seen(), tokens.slice(0, old));
  }
  void set_weights() {
    weights = ReplayWeights(g["alpha"].size(0));
    weights.begin_task(c["cur"], own(), seen());
    weights.alpha = g["alpha"].requires_grad_();
    weights.beta = g["beta"].requires_grad_();
  }

  Tensor stabilizer_image() const { return stabilizer_feature(clip.image, g["images"], image_prompts); }
  Tensor stabilizer() const { return clip.logits(stabilizer_image(), contexts.features()); }
  Tensor booster_rows() const { return booster_feature(vit, g["images"], booster_prompts + shift); }
  Tensor booster() const { return head(booster_rows()).narrow(1, 0, seen()); }

  Golden& g;
  const clb::base::Json& c;
  Clip clip;
  Vit vit;
  clb::nn::GrowingLinear head;
  ClassContexts contexts;
  ReplayWeights weights;
  Tensor shift, booster_prompts, image_prompts;
};

TEST(PromptFusion, EqualsTheReference) {
  CLB_GOLDEN(g, "promptfusion");
  Reference r(g);
  const clb::nn::ContextTokens words(g["context"]);
  g.close("text_input", words.at(clb::nn::Site::kPatch, -1, g["tokens"], r.clip.text.embed(g["tokens"])), 5e-6);
  g.close("img", r.stabilizer_image(), 1e-5);
  g.close("txt", r.contexts.features(), 7e-6);
  g.close("vit.feature", r.booster_rows(), 5e-6);
  const Tensor stabilizer = r.stabilizer(), booster = r.booster(), lambda = g["lam"].reshape({}).requires_grad_();
  g.close("z_clip", stabilizer, 4e-5);
  g.close("z_vpt", booster, 5e-6);
  const Tensor logits = fused(stabilizer, booster, lambda), labels = g["labels"];
  g.close("z", logits, 2e-5);
  g.equal("pred", logits.argmax(1));
  g.close("weight", r.weights.of(labels.size(0)), 5e-6);
  g.close("loss_task0", at::cross_entropy_loss(logits, labels).reshape({1}), 1e-5);
  const Tensor loss = r.weights.loss(logits, labels);
  g.close("loss", loss.reshape({1}), 9e-6);
  loss.backward();

  std::map<std::string, Tensor> trained{{"lam", lambda},
                                        {"alpha", r.weights.alpha},
                                        {"beta", r.weights.beta},
                                        {"image_prompt", r.image_prompts},
                                        {"booster_prompt", r.booster_prompts},
                                        {"context", numbers_of(r.contexts).at("learning")}};
  for (const auto& [name, t] : numbers_of(r.head)) trained["head." + name] = t;
  std::vector<Tensor> tensors;
  for (const auto& [name, t] : trained) {
    g.close("grad." + name, t.grad().reshape(g["grad." + name].sizes()), 3e-6);
    tensors.push_back(t);
  }
  EXPECT_EQ(trained.size(), g.with_prefix("grad.").size());
  EXPECT_FALSE(numbers_of(r.contexts).at("contexts").requires_grad()) << "words of old classes stand still";
  const Tensor before = lambda.grad().clone();
  g.close("grad_norm", clb::nn::clip_gradients(tensors, 1.0).reshape({1}), 4e-6);
  g.close("clip_coef", (lambda.grad() / before).reshape({1}), 3e-6);

  const Tensor positions = g["posembed.in"], prompts = torch::zeros({g["posembed.out"].size(1) - positions.size(1), positions.size(2)});
  g.equal("posembed.out", clb::nn::PrependedPrompts(prompts, positions.narrow(1, 0, 1)).before_block(0, positions));
  g.expect_all_compared({"clip.param.", "vit.param.", "images", "labels", "tokens", "context", "image_prompt", "alpha", "beta", "lam",
                         "lite.", "posembed.in"});
}

ExpertGate gate_of(const Golden& g, const std::string& prefix, bool trained) {
  const clb::nn::ExpertGateOptions options{
      .rate = g.config()["gamma"], .rate_weight = g.config()["Lambda"], .drift_weight = g.config()["Delta"]};
  ExpertGate gate(g[prefix + "fc1.weight"].size(1), options, any_numbers());
  for (auto& [name, t] : numbers_of(gate)) set(gate, {{name, g[prefix + name].requires_grad_(trained)}});
  return gate;
}

TEST(PromptFusion, LiteEqualsTheReference) {
  CLB_GOLDEN(g, "promptfusion");
  Reference r(g);
  ExpertGate gate = gate_of(g, "lite.", true);
  const ExpertGate before = gate_of(g, "lite.prev_", false);
  const Tensor feature = clb::nn::unit_rows(r.stabilizer_image()), logits = gate(feature), soft = gate.soft(logits, g["lite.U"]);
  g.close("lite.g_logits", logits, 2e-5);
  g.close("lite.prev_logits", before.as_teacher(feature), 3e-5);
  g.close("lite.soft", soft, 3e-6);
  const Tensor chosen = clb::nn::straight_through(soft), stabilizer = r.stabilizer();
  g.close("lite.gate", chosen, 3e-6);
  const Tensor z = clb::nn::gated(stabilizer, r.booster(), chosen), nll = r.weights.loss(z, g["labels"]);
  g.close("lite.z", z, 4e-5);
  g.close("lite.cls", nll.reshape({1}), 2e-5);
  g.close("lite.act", gate.rate_error(chosen).reshape({1}), 1e-7);
  g.close("lite.kd", clb::nn::gate_drift(before.as_teacher(feature), logits).reshape({1}), 9e-7);
  const Tensor loss = nll + gate.penalty(feature, logits, chosen, &before);
  g.close("lite.loss", loss.reshape({1}), 2e-5);
  loss.backward();
  g.close("lite.grad.image_prompt", r.image_prompts.grad().reshape(g["lite.grad.image_prompt"].sizes()), 9e-6);
  g.close("lite.grad.booster_prompt", r.booster_prompts.grad(), 9e-6);
  for (const auto& [name, t] : numbers_of(gate)) g.close("lite.grad." + name, t.grad(), 9e-6);
  g.expect_all_compared({"clip.param.", "vit.param.",  "images", "labels",  "tokens",       "context",    "image_prompt", "alpha",
                         "beta",        "lam",         "lite.U", "lite.fc", "lite.prev_fc", "text_input", "img",          "txt",
                         "z",           "vit.feature", "weight", "loss",    "grad",         "clip_coef",  "pred",         "posembed."});
}

// Two tiny untrained networks. Sentences are "X X X class 3.", their tokens start, three fillers, a number, end.
struct Made {
  static constexpr int64_t kClasses = 6, kPerClass = 8, kStart = 20, kFiller = 19, kEnd = 21, kContext = 8;
  clb::nn::TensorMap clip = [] {
    clb::nn::ClipShape shape{.image = {.image = 8, .patch = 4, .dim = 8, .depth = 2, .heads = 2, .mlp = 16}};
    shape.text_dim = shape.text_mlp = 8;
    shape.text_depth = 1;
    shape.text_heads = 2;
    shape.context = kContext;
    shape.vocabulary = kEnd + 1;
    shape.features = 6;
    return clb::nn::random_clip(shape, 7);
  }();
  clb::nn::TensorMap vit = clb::nn::random_vit({.image = 8, .patch = 4, .dim = 12, .depth = 2, .heads = 2, .mlp = 24}, 3);
  Tensor labels = torch::arange(kClasses * kPerClass) % kClasses;
  Tensor images =
      at::randn({kClasses, 3, 8, 8}, generator(1)).index_select(0, labels) + 0.5 * at::randn({kClasses * kPerClass, 3, 8, 8}, generator(2));
  Tensor features = at::randn({kClasses * kPerClass, 5}, generator(3));  // what the host would make of images with CLIP as it is

  Samples of(int64_t first, int64_t end) const {
    const Tensor rows = (labels >= first).logical_and(labels < end).nonzero().squeeze(1);
    return Samples{.features = features, .images = images, .labels = labels, .kind = "clip:image"}.rows(rows);
  }
  static Tensor tokens(const std::vector<std::string>& sentences) {
    Tensor ids = torch::zeros({static_cast<int64_t>(sentences.size()), kContext}, torch::kInt64);
    for (size_t row = 0; row < sentences.size(); ++row) {
      std::vector<int64_t> text{kStart};
      for (const char c : sentences[row])
        if (c == 'X') text.push_back(kFiller);
      text.push_back(sentences[row][sentences[row].find_first_of("0123456789")] - '0');
      text.push_back(kEnd);
      ids[static_cast<int64_t>(row)].narrow(0, 0, static_cast<int64_t>(text.size())).copy_(torch::tensor(text));
    }
    return ids;
  }
  Clip clip_network() const { return Clip(clip, {.activation = clb::nn::Activation::kQuickGelu, .image_heads = 2, .text_heads = 2}); }
  Vit vit_network() const { return Vit(vit, {.heads = 2}); }

  std::unique_ptr<Bench> bench(const Settings& changes = {}) const {
    const Settings small{{"booster_prompts", value(int64_t{2})},
                         {"image_prompts", value(int64_t{3})},
                         {"context_length", value(int64_t{2})},
                         {"filler_length", value(int64_t{1})},
                         {"batch_size", value(int64_t{6})},
                         {"memory_size", value(int64_t{12})},
                         {"lr", value(0.02)},
                         {"gate_hidden", value(int64_t{4})}};
    return std::make_unique<Bench>(with(small, changes), clb::testing::BenchWeights{.tensors = vit, .heads = 2},
                                   BenchText{.tokens = tokens},
                                   std::map<std::string, clb::testing::BenchWeights>{
                                       {"clip", {.tensors = clip, .heads = 2, .format = "openai_clip", .text_heads = 2}}});
  }
};

const Settings kLite{{"form", choice("lite")}};

struct State {
  Learned learned{};
  ClassContexts contexts;
  clb::nn::GrowingLinear head;
  ReplayWeights weights{1};
  ExpertGate gate;
  clb::Task task;

  State(const Made& made, Bench& bench, bool lite = false) {
    learned.image_prompts = learned.booster_prompts = learned.lambda = torch::zeros({});
    contexts = {made.clip_network().text, 2, {}};
    head = {{.dim = 1}, any_numbers()};
    if (lite) gate = {1, {}, any_numbers()};
    clb::testing::load(*this, bench.save());
  }
  void state(clb::Archive& a) {
    task.state(a);
    a("learned", learned)("contexts", contexts)("head", head)("weights", weights)("gate", gate);
  }
  Tensor words() { return numbers_of(contexts).at("contexts"); }
  Tensor texts() { return numbers_of(contexts).at("features"); }
  std::string bytes() { return clb::testing::saved(*this); }
};

// Two tasks of three classes.
void learn(Bench& bench, const Made& made) {
  bench.train(made.of(0, 3), 3);
  bench.train(made.of(3, 6), 6);
}

// Another bench with the same state.
Tensor predicted(const Made& made, Bench& like, const Settings& changes) {
  const auto other = made.bench(changes);
  other->load(like.save(), 1000, 6);
  return other->predict(made.of(0, 6));
}

TEST(PromptFusion, AtTheEndsOfItsShareEitherExpertIsAlone) {
  const Tensor stabilizer = at::randn({4, 5}, generator(1)), booster = at::randn({4, 5}, generator(2));
  const auto at_lambda = [&](double lambda) { return fused(stabilizer, booster, torch::tensor(lambda, torch::kFloat32)); };
  for (const double far : {1000.0, std::numeric_limits<double>::infinity()}) {
    EXPECT_TRUE(torch::equal(at_lambda(-far), stabilizer));
    EXPECT_TRUE(torch::equal(at_lambda(far), booster));
  }
  EXPECT_TRUE(torch::equal(at_lambda(0), (stabilizer + booster) / 2));

  const Made made;
  for (const double far : {-1000.0, 1000.0}) {
    const Settings one{{"lambda", value(far)}, {"learn_lambda", value(false)}};
    const auto bench = made.bench(one);
    learn(*bench, made);
    EXPECT_EQ(State(made, *bench).learned.lambda.item<double>(), far) << "it stays";
    const Tensor alone = predicted(made, *bench, {{"predict_by", choice(far < 0 ? "stabilizer" : "booster")}});
    EXPECT_TRUE(torch::equal(bench->predict(made.of(0, 6)), alone)) << far;
  }
}

TEST(PromptFusion, ExpertsOfAKeptStateFuseToItsPrediction) {
  const Made made;
  const auto bench = made.bench();
  learn(*bench, made);
  const Tensor stabilizer = predicted(made, *bench, {{"predict_by", choice("stabilizer")}}),
               booster = predicted(made, *bench, {{"predict_by", choice("booster")}});
  State state(made, *bench);
  EXPECT_TRUE(torch::equal(bench->predict(made.of(0, 6)), fused(stabilizer, booster, state.learned.lambda)));
  EXPECT_NE(state.learned.lambda.item<double>(), 1) << "it has learned";
  const Tensor initial = predicted(made, *bench, {{"test_prompts", choice("initial")}, {"predict_by", choice("stabilizer")}});
  EXPECT_FALSE(torch::allclose(initial, stabilizer, 1e-3, 1e-3)) << "prompts and words as drawn";
}

TEST(PromptFusion, WeightsOfClassesAreOfTheLossAlone) {
  const Made made;
  const auto bench = made.bench({{"lr", value(0.0)}, {"epochs", value(int64_t{1})}});
  bench->train(made.of(0, 3), 3);
  const Tensor labels = made.of(0, 3).labels.slice(0, 18, 24);
  EXPECT_TRUE(torch::equal(bench->traced.at("nll"), at::cross_entropy_loss(bench->traced.at("logits"), labels))) << "first task: plain";
  bench->train(made.of(3, 6), 6);
  const Tensor logits = bench->history.at("logits").at(4);  // the first batch of the second task is of its classes alone
  const double sure = torch::tensor(1.0F).sigmoid().item<double>();
  const Tensor plain = at::cross_entropy_loss(logits, made.of(3, 6).labels.narrow(0, 0, 6));
  EXPECT_NEAR(bench->history.at("nll").at(4).item<double>(), sure * plain.item<double>(), 1e-5);
  const Tensor replayed = bench->traced.at("logits"), old = bench->memory.labels.narrow(0, 0, 6);  // the last one, of old classes alone
  EXPECT_LT(old.max().item<int64_t>(), 3);
  EXPECT_GT(bench->traced.at("nll").item<double>(), 0);

  const Tensor before = bench->predict(made.of(0, 6));
  State state(made, *bench);
  state.weights.alpha.detach().mul_(-7);
  bench->load(state.bytes(), 1000, 6);
  EXPECT_TRUE(torch::equal(bench->predict(made.of(0, 6)), before));
  EXPECT_EQ(replayed.size(1), 6);
}

TEST(PromptFusion, WordsOfOldClassesStandStill) {
  const Made made;
  const auto bench = made.bench();
  bench->train(made.of(0, 3), 3);
  State first(made, *bench);
  bench->train(made.of(3, 6), 6);
  State second(made, *bench);
  EXPECT_TRUE(torch::equal(first.words(), second.words().narrow(0, 0, 3)));
  EXPECT_TRUE(torch::equal(first.texts(), second.texts().narrow(0, 0, 3)));
  for (const auto& [name, t] : numbers_of(first.learned)) EXPECT_FALSE(torch::equal(t, numbers_of(second.learned).at(name))) << name;
  const Tensor alpha = second.weights.alpha;
  EXPECT_EQ(alpha.sizes(), (std::vector<int64_t>{6, 3}));
  EXPECT_TRUE(torch::equal(first.weights.alpha, torch::ones({6, 3}))) << "nothing weighs in the first task";
  EXPECT_FALSE(torch::equal(alpha, torch::ones({6, 3})));
}

TEST(PromptFusion, ClassesThatComeAgainLearnOn) {
  const Made made;
  const auto bench = made.bench();
  bench->train(made.of(0, 3), 3);
  State first(made, *bench);
  bench->train(made.of(0, 3), 3, {0, 1, 2});
  State second(made, *bench);
  EXPECT_EQ(second.words().size(0), 3);
  EXPECT_FALSE(torch::equal(first.words(), second.words()));
  EXPECT_EQ(bench->predict(made.of(0, 3)).size(1), 3);
}

TEST(PromptFusion, ReleasedWordsAreOneUpdateOld) {
  const Made made;
  const auto words = [&](int64_t batches, bool stale) {
    const auto bench = made.bench({{"stale_contexts", value(stale)}});
    bench->most_batches = batches;
    bench->train(made.of(0, 3), 3);
    return State(made, *bench).words();
  };
  EXPECT_TRUE(torch::equal(words(3, true), words(2, false)));
  EXPECT_FALSE(torch::equal(words(3, true), words(3, false)));
}

TEST(PromptFusion, ATaskIsTrainedAsWritten) {
  const Made made;
  const auto bench = made.bench({{"stale_contexts", value(false)}, {"weight_decay", value(0.01)}});
  const Samples samples = made.of(0, 3);
  const auto fresh = made.bench({{"epochs", value(int64_t{0})}});  // as drawn
  fresh->train(samples, 3);
  State start(made, *fresh);
  bench->train(samples, 3);

  const Clip clip = made.clip_network();
  const Vit vit = made.vit_network();
  const Tensor tokens = Made::tokens({"X X X 0", "X X X 1", "X X X 2"});
  auto head = numbers_of(start.head);
  Tensor words = start.words().clone(), image = start.learned.image_prompts, booster = start.learned.booster_prompts,
         lambda = start.learned.lambda;
  const std::vector<Tensor> trained{image, booster, lambda, words, head.at("weight"), head.at("bias")};
  for (const Tensor& t : trained) t.requires_grad_();
  torch::optim::AdamW adam(trained, torch::optim::AdamWOptions(0.02).weight_decay(0.01));
  for (int64_t k = 0; k < 3 * 4; ++k) {
    const double epoch = std::floor(static_cast<double>(k) / 4);
    static_cast<torch::optim::AdamWOptions&>(adam.param_groups()[0].options()).lr(0.02 * (1 + std::cos(M_PI * epoch / 3)) / 2);
    const int64_t first = k % 4 * 6;
    const Tensor images = samples.images.narrow(0, first, 6);
    const Tensor stabilizer = clip.logits(stabilizer_feature(clip.image, images, image), clip.text(tokens, clb::nn::ContextTokens(words)));
    const Tensor plastic = at::linear(booster_feature(vit, images, booster), head.at("weight"), head.at("bias"));
    adam.zero_grad();
    at::cross_entropy_loss(fused(stabilizer, plastic, lambda), samples.labels.narrow(0, first, 6)).backward();
    clb::nn::clip_gradients(trained, 1.0);
    adam.step();
  }
  State end(made, *bench);
  EXPECT_TRUE(torch::allclose(end.words(), words, 1e-4, 1e-6));
  EXPECT_TRUE(torch::allclose(end.learned.image_prompts, image, 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(end.learned.booster_prompts, booster, 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(end.learned.lambda, lambda, 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(numbers_of(end.head).at("weight"), head.at("weight"), 1e-4, 1e-5));
}

TEST(PromptFusion, KeepsHerdedExemplarsAndLearns) {
  const Made made;
  const auto bench = made.bench({{"epochs", value(int64_t{6})}});
  bench->train(made.of(0, 3), 3);
  EXPECT_EQ(bench->memory.count(), 12) << "four of each of three classes";
  const auto losses = bench->metrics.at("loss");
  EXPECT_LT(losses.back().second, losses.front().second);
  bench->train(made.of(3, 6), 6);
  EXPECT_EQ(bench->memory.count(), 12) << "two of each of six classes";
  EXPECT_TRUE(torch::equal(bench->memory.labels, torch::arange(6).repeat_interleave(2)));
  const Tensor right = bench->predict(made.of(0, 6)).argmax(1).eq(made.of(0, 6).labels);
  EXPECT_GT(right.to(torch::kFloat64).mean().item<double>(), 0.4);
}

TEST(PromptFusion, AGateThatIsShutLeavesClipAlone) {
  const Made made;
  const auto bench = made.bench(kLite);
  learn(*bench, made);
  const Samples all = made.of(0, 6);
  const Tensor stabilizer = predicted(made, *bench, with(kLite, {{"predict_by", choice("stabilizer")}})),
               booster = predicted(made, *bench, with(kLite, {{"predict_by", choice("booster")}}));
  State state(made, *bench, true);
  const auto with_bias = [&](const Tensor& bias) {
    state.gate.fc2 = clb::nn::Linear(torch::zeros_like(state.gate.fc2.weight), bias);
    bench->load(state.bytes(), 1000, 6);
    return bench->predict(all);
  };
  EXPECT_TRUE(torch::equal(with_bias(torch::tensor({-1.0F, 1.0F})), stabilizer));
  EXPECT_TRUE(torch::equal(with_bias(torch::tensor({1.0F, -1.0F})), stabilizer + booster));
}

TEST(PromptFusion, TheGateLearnsThroughItsChoices) {
  const Made made;
  const auto bench = made.bench(with(kLite, {{"rate_weight", value(0.0)}, {"drift_weight", value(0.0)}}));
  bench->train(made.of(0, 3), 3);
  State first(made, *bench, true);
  const auto drawn = made.bench(with(kLite, {{"epochs", value(int64_t{0})}}));
  drawn->train(made.of(0, 3), 3);
  State start(made, *drawn, true);
  const auto before = numbers_of(start.gate);
  for (const auto& [name, t] : numbers_of(first.gate))
    EXPECT_FALSE(torch::allclose(t, before.at(name), 1e-3, 1e-4)) << name << " has a gradient of the cross-entropy alone";
  EXPECT_EQ(first.learned.lambda.item<double>(), 1) << "of no use here";
}

TEST(PromptFusion, AGateThatIsDrawnRepeatsItself) {
  const Made made;
  const auto bench = made.bench(with(kLite, {{"test_gate", choice("drawn")}}));
  learn(*bench, made);
  const Tensor logits = bench->predict(made.of(0, 6));
  EXPECT_TRUE(torch::equal(bench->predict(made.of(0, 6)), logits)) << "the same question, the same draw";
  EXPECT_FALSE(torch::equal(predicted(made, *bench, kLite), logits));
}

TEST(PromptFusion, GoesOnFromWhatItSaved) {
  const Made made;
  for (const Settings& changes : {Settings{}, kLite, Settings{{"weight_mask", value(false)}}}) {
    const auto bench = made.bench(changes), again = made.bench(changes);
    learn(*bench, made);
    again->load(bench->save(), 7, 6);
    EXPECT_EQ(again->save(), bench->save());
    EXPECT_TRUE(torch::equal(again->predict(made.of(0, 6)), bench->predict(made.of(0, 6))));
  }
}

}  // namespace
