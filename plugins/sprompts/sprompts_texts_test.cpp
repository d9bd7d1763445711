// S-liPrompts from first principles, since there is no fixture of it: on the towers of the fixture "clip", through the plugin's own table.
#include "golden/golden.hpp"
#include "sprompts_bench.hpp"

namespace {

using clb::golden::Golden;
using clb::testing::BenchText;

constexpr int64_t kWords = 2, kPrompts = 3, kX = 5, kStop = 6;  // ids of the words "X" and "."

// "X X class 3." is start, X, X, the name, a full stop, end. Names of classes with odd numbers have two tokens.
Tensor ids_of(const Golden& g, const std::vector<std::string>& sentences) {
  std::vector<Tensor> rows;
  for (const std::string& sentence : sentences) {
    std::vector<int64_t> row{g.config()["sot"].get<int64_t>()};
    row.insert(row.end(), static_cast<size_t>(std::count(sentence.begin(), sentence.end(), 'X')), kX);
    const int64_t number = std::stoll(sentence.substr(sentence.find("class ") + 6));
    row.push_back(10 + number);
    if (number % 2 == 1) row.push_back(9);
    row.insert(row.end(), {kStop, g.config()["eot"].get<int64_t>()});
    row.resize(g.config()["ctx"].get<size_t>(), 0);
    rows.push_back(torch::tensor(row));
  }
  return at::stack(rows);
}

// The fixture's CLIP, and what a method on it is told.
struct World {
  explicit World(Golden& golden)
      : g(golden),
        weights{.tensors = g.with_prefix("param."),
                .heads = g.config()["vheads"],
                .format = "openai_clip",
                .text_heads = g.config()["theads"],
                .image = 16},
        clip(weights.tensors, {.activation = clb::nn::Activation::kQuickGelu,
                               .image_heads = weights.heads,
                               .text_heads = weights.text_heads,
                               .image = weights.image}) {}

  std::unique_ptr<Bench> bench(const Settings& changes = {}) const {
    const Settings all = with(settings({{"classifier", choice("text")}, {"context_length", value(kWords)}}), changes);
    BenchText text;
    text.tokens = [this](const std::vector<std::string>& sentences) { return ids_of(g, sentences); };
    return std::make_unique<Bench>(all, weights, text);
  }
  Samples domain(int64_t index, int64_t n = 12) const {
    Samples samples = tinted(index, n);
    const torch::NoGradGuard no_grad;
    samples.kind = "main:image";
    samples.features = clip.image(samples.images);
    return samples;
  }
  Tensor ids(const std::vector<int64_t>& classes, int64_t words) const {  // [classes, context]
    std::string xs;
    for (int64_t k = 0; k < words; ++k) xs += "X ";
    std::vector<std::string> sentences;
    for (const int64_t c : classes) sentences.push_back(xs + "class " + std::to_string(c) + ".");
    return ids_of(g, sentences);
  }

  Golden& g;
  clb::testing::BenchWeights weights;
  clb::nn::Clip clip;
};

Tensor unit(const Tensor& x) { return x / x.norm(2, 1, true); }

// exp(logit_scale) cos(f, g), written out with the fixture's own tensors; only blocks are the tree's.
Tensor by_hand(const World& w, const Tensor& images, const Tensor& prompts, const Tensor& context, const std::vector<int64_t>& classes) {
  const auto p = [&](const std::string& name) { return w.g["param." + name]; };
  const auto norm = [&](const std::string& name, const Tensor& x) {
    return at::layer_norm(x, {x.size(-1)}, p(name + ".weight"), p(name + ".bias"), 1e-5);
  };
  const int64_t n = images.size(0), c = static_cast<int64_t>(classes.size()), words = context.size(0);
  const Tensor kernel = p("visual.conv1.weight");
  const Tensor patches = at::conv2d(images, kernel, {}, kernel.size(2)).flatten(2).transpose(1, 2);
  Tensor x = at::cat({p("visual.class_embedding").reshape({1, 1, -1}).expand({n, 1, -1}), patches}, 1) + p("visual.positional_embedding");
  x = at::cat({x.narrow(1, 0, 1), prompts.unsqueeze(0).expand({n, -1, -1}), x.narrow(1, 1, patches.size(1))}, 1);
  x = w.clip.image.blocks()(norm("visual.ln_pre", x));
  const Tensor f = norm("visual.ln_post", x.select(1, 0)).matmul(p("visual.proj"));

  const Tensor ids = w.ids(classes, words), embedded = at::embedding(p("token_embedding.weight"), ids);
  Tensor y = at::cat(
      {embedded.narrow(1, 0, 1), context.unsqueeze(0).expand({c, -1, -1}), embedded.narrow(1, 1 + words, ids.size(1) - 1 - words)}, 1);
  y = norm("ln_final", w.clip.text.blocks()(y + p("positional_embedding")));
  const Tensor g = y.index({torch::arange(c), ids.argmax(1)}).matmul(p("text_projection"));
  return p("logit_scale").exp() * unit(f).matmul(unit(g).t());
}

void learn_domains(const World& w, Bench& bench, int64_t first, int64_t end) {
  for (int64_t t = first; t < end; ++t) bench.train(w.domain(t), 2, {0, 1});
}

bool close(const Tensor& a, const Tensor& b, double bound = 1e-4) { return torch::allclose(a, b, bound, bound); }

const Settings kNoUpdate{{"first_epochs", value(int64_t{0})}, {"epochs", value(int64_t{0})}};

TEST(SLiPrompts, LogitsAreCosinesToNamesBehindTheSessionsWords) {
  CLB_GOLDEN(g, "clip");
  const World w(g);
  const auto bench = w.bench();
  learn_domains(w, *bench, 0, 2);
  State state = state_of(*bench, true);
  ASSERT_EQ(state.sessions.size(), 2U);
  for (int64_t s = 0; s < 2; ++s) {
    const Session& session = state.sessions[static_cast<size_t>(s)];
    const Samples test = w.domain(s, 7);
    const Tensor logits = bench->predict(test);
    ASSERT_TRUE(bench->traced.at("session").eq(s).all().item<bool>()) << "tints are easy to tell";
    EXPECT_TRUE(close(logits, by_hand(w, test.images, session.prompt, session.context, {0, 1}))) << s;
  }
}

// An update with rate 1 and no decay moves by the gradient. What else could move is frozen, and comes back from the file in every bench.
TEST(SLiPrompts, PromptsAndWordsLearnByTheCrossEntropyAndNothingElseDoes) {
  CLB_GOLDEN(g, "clip");
  const World w(g);
  const Settings one_update{{"first_epochs", value(int64_t{1})},
                            {"epochs", value(int64_t{1})},
                            {"batch_size", value(int64_t{12})},
                            {"first_lr", value(1.0)},
                            {"lr", value(1.0)},
                            {"momentum", value(0.0)},
                            {"first_weight_decay", value(0.0)},
                            {"weight_decay", value(0.0)}};
  const auto before = w.bench(kNoUpdate), after = w.bench(one_update);
  for (Bench* bench : {before.get(), after.get()}) learn_domains(w, *bench, 0, 1);
  const State was = state_of(*before, true), is = state_of(*after, true);
  const Tensor prompt = was.sessions[0].prompt.detach().clone().requires_grad_(),
               context = was.sessions[0].context.detach().clone().requires_grad_();
  const Samples samples = w.domain(0);
  const Tensor logits = by_hand(w, samples.images, prompt, context, {0, 1}), loss = at::cross_entropy_loss(logits, samples.labels);
  loss.backward();
  EXPECT_TRUE(close(after->traced.at("logits"), logits));
  EXPECT_TRUE(close(after->traced.at("loss"), loss));
  EXPECT_TRUE(close(prompt.detach() - is.sessions[0].prompt, prompt.grad()));
  EXPECT_TRUE(close(context.detach() - is.sessions[0].context, context.grad()));
  EXPECT_GT(prompt.grad().abs().min().item<double>(), 0);
  EXPECT_GT(context.grad().abs().min().item<double>(), 0);
  EXPECT_EQ(after->metrics.at("trainable_parameters")[0].second, kPrompts * w.clip.image.dim() + kWords * w.clip.text.dim());
}

TEST(SLiPrompts, StartsAsTheReleasedCodeDoes) {
  CLB_GOLDEN(g, "clip");
  const World w(g);
  const auto bench = w.bench(with(kNoUpdate, {{"context_length", value(int64_t{5})}, {"prompt_length", value(int64_t{200})}}));
  learn_domains(w, *bench, 0, 1);
  const State state = state_of(*bench, true);
  const double bound = 1 / std::sqrt(static_cast<double>(w.clip.image.dim()));
  const Tensor size = state.sessions[0].prompt.abs(), words = state.sessions[0].context;
  EXPECT_LE(size.max().item<double>(), bound);
  EXPECT_GT(size.max().item<double>(), 0.95 * bound);
  EXPECT_EQ(words.sizes(), torch::IntArrayRef({5, w.clip.text.dim()})) << "one context for all classes";
  EXPECT_NEAR(words.std().item<double>(), 0.02, 0.006);
}

// Without image prompts, and with a sentence's own words where learned ones stand, nothing differs from CLIP as it is.
TEST(SLiPrompts, WithoutPromptsAndWithTheWordsOfASentenceItIsZeroShot) {
  CLB_GOLDEN(g, "clip");
  const World w(g);
  const auto bench = w.bench({{"prompt_length", value(int64_t{0})}});
  learn_domains(w, *bench, 0, 2);
  State state = state_of(*bench, true);
  const Tensor words = torch::tensor({int64_t{3}, int64_t{8}});
  for (Session& session : state.sessions) session.context = g["param.token_embedding.weight"].index_select(0, words);
  bench->load(clb::testing::saved(state), 1 << 20, 2);
  Tensor ids = w.ids({0, 1}, kWords);
  ids.slice(1, 1, 1 + kWords).copy_(words);
  Samples test = w.domain(0).with(w.domain(1));
  const Tensor zero_shot = w.clip.logits(test.features, w.clip.text(ids));
  test.images = Tensor();  // only the host's features are asked for
  EXPECT_TRUE(close(bench->predict(test), zero_shot));
}

TEST(SLiPrompts, ToldTheDomainNothingIsForgotten) {
  CLB_GOLDEN(g, "clip");
  const World w(g);
  const auto bench = w.bench({{"route", choice("oracle")}});
  learn_domains(w, *bench, 0, 1);
  const Tensor logits = bench->predict(w.domain(0));
  for (int64_t t = 1; t < 4; ++t) {
    learn_domains(w, *bench, t, t + 1);
    EXPECT_TRUE(torch::equal(bench->predict(w.domain(0)), logits)) << t;
  }
  EXPECT_EQ(bench->metrics.at("domain_id/right")[0].second, 12);
}

TEST(SLiPrompts, TheNearestCentroidOfFrozenFeaturesFindsTheDomain) {
  CLB_GOLDEN(g, "clip");
  const World w(g);
  for (const char* view : {"train", "eval"}) {
    const auto bench = w.bench({{"centroid_view", choice(view)}});
    learn_domains(w, *bench, 0, 3);
    for (int64_t t = 0; t < 3; ++t) {
      bench->predict(w.domain(t, 20));
      EXPECT_TRUE(bench->traced.at("session").eq(t).all().item<bool>()) << view << t;
    }
    const State state = state_of(*bench, true);
    for (const Tensor& centroids : state.centroids) EXPECT_EQ(centroids.size(1), w.clip.image.features());
  }
}

// One kept state answers for every route and for prompts as drawn.
TEST(SLiPrompts, AKeptStateIsEvaluatedByAnyRouteAndWithPromptsAsDrawn) {
  CLB_GOLDEN(g, "clip");
  const World w(g);
  const auto trained = w.bench();
  learn_domains(w, *trained, 0, 3);
  const auto kept = [&](const Settings& changes) {
    auto bench = w.bench(changes);
    bench->load(trained->save(), 64, 2);
    return bench;
  };
  const Samples test = w.domain(1, 60);
  const Tensor logits = trained->predict(test);
  EXPECT_TRUE(torch::equal(kept({})->predict(test), logits));
  EXPECT_TRUE(torch::equal(kept({{"route", choice("oracle")}})->predict(test), logits)) << "the nearest centroid was right";
  const auto random = kept({{"route", choice("random")}});
  torch::manual_seed(1);
  random->predict(test);
  EXPECT_GE(at::bincount(random->traced.at("session"), {}, 3).min().item<int64_t>(), 8);

  const auto untrained = w.bench(kNoUpdate);
  learn_domains(w, *untrained, 0, 3);
  const Session drawn = state_of(*untrained, true).sessions[1];
  const Tensor initial = kept({{"test_prompts", choice("initial")}})->predict(test);
  EXPECT_TRUE(close(initial, by_hand(w, test.images, drawn.prompt, drawn.context, {0, 1}))) << "words are prompts too";
  EXPECT_FALSE(close(initial, logits, 1e-3));
}

TEST(SLiPrompts, SavedStatePredictsAndLearnsOnTheSame) {
  CLB_GOLDEN(g, "clip");
  const World w(g);
  const auto bench = w.bench(), again = w.bench();
  for (Bench* one : {bench.get(), again.get()}) learn_domains(w, *one, 0, 2);
  const Samples test = w.domain(0).with(w.domain(1));
  const Tensor logits = bench->predict(test);
  again->load(bench->save(), 64, 2);
  EXPECT_TRUE(torch::equal(again->predict(test), logits));
  EXPECT_EQ(again->save(), bench->save()) << "predict changed the state";
  for (Bench* one : {bench.get(), again.get()}) learn_domains(w, *one, 2, 3);
  EXPECT_EQ(again->save(), bench->save());
  EXPECT_TRUE(torch::equal(again->predict(test), bench->predict(test)));
}

TEST(SLiPrompts, APredictionDoesNotDependOnTheBatch) {
  CLB_GOLDEN(g, "clip");
  const World w(g);
  const auto bench = w.bench();
  learn_domains(w, *bench, 0, 2);
  const Samples all = w.domain(0).with(w.domain(1));
  const Tensor together = bench->predict(all);
  for (int64_t k = 0; k < together.size(0); ++k)
    EXPECT_TRUE(close(bench->predict(all.rows(torch::tensor({k}))), together.narrow(0, k, 1))) << k;
}

TEST(SLiPrompts, ClassIncrementalEachTaskHasItsNames) {
  CLB_GOLDEN(g, "clip");
  const World w(g);
  const auto bench = w.bench();
  for (int64_t t = 0; t < 2; ++t) {
    Samples task = w.domain(t);
    task.labels = task.labels + 2 * t;
    bench->train(task, 2 * t + 2);
  }
  const State state = state_of(*bench, true);
  const Samples test = w.domain(1, 5);
  const Tensor logits = bench->predict(test);
  EXPECT_TRUE(close(logits.narrow(1, 2, 2), by_hand(w, test.images, state.sessions[1].prompt, state.sessions[1].context, {2, 3})));
  EXPECT_TRUE(logits.narrow(1, 0, 2).lt(-1e10).all().item<bool>());
}

// A row of the form on images alone is not marked as one that knows names.
TEST(SLiPrompts, OnlyTheFormOnTextsClaimsATextTower) {
  EXPECT_EQ(SPrompts::about.capabilities & clb::kTextTower, 0U);
  const auto& schema = clb::params_of<SPrompts>().schema();
  const auto found =
      std::find_if(schema.begin(), schema.end(), [](const clb_param& p) { return p.name == std::string_view("classifier"); });
  ASSERT_NE(found, schema.end());
  EXPECT_EQ(found->implies, clb::kTextTower);
  EXPECT_STREQ(found->implied_when.as.s, "text");
  EXPECT_STREQ(found->default_value.as.s, "linear");
}

}  // namespace
