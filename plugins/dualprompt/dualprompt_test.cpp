// DualPrompt against JH-LEE-KR/dualprompt-pytorch in its corrected and its legacy layout (fixture "dualprompt"), the forms beside
// CODA-Prompt against GT-RIPL/CODA-Prompt (fixture "coda_repo_baselines"), through the plugin's own table, and the invariants of the
// chapter.
#include "dualprompt.cpp"

#include <clb/nn/tensors.hpp>
#include <numeric>

#include "golden/golden.hpp"
#include "support/method_bench.hpp"
#include "support/small_vit.hpp"

namespace {

using clb::golden::Golden;
using clb::testing::choice;
using clb::testing::list;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::small_task;
using clb::testing::small_vit;
using clb::testing::small_weights;
using clb::testing::value;
using clb::testing::with;
using Bench = clb::testing::MethodBench<DualPrompt>;
using Blocks = std::vector<int64_t>;
using Tensors = std::map<std::string, Tensor>;

clb::testing::BenchWeights weights_of(const Golden& g) { return {.tensors = g.with_prefix("vit."), .heads = g.config()["heads"]}; }

const Settings kPlainStep{{"optimizer", choice("sgd")}, {"lr", value(1.0)}, {"momentum", value(0.0)}, {"epochs", value(int64_t{1})}};

// The plugin's state as its members: prefixes [blocks, 2, ..., l, d].
struct State {
  int64_t tasks_learned = 0;
  Tensors tensors;  // general, prefixes, keys, head.weight, head.bias
  Tensor usage;
  clb::Task task;

  State(Tensors given, int64_t learned) : tasks_learned(learned), tensors(std::move(given)) {
    for (auto& [name, t] : tensors) t = t.detach().clone().requires_grad_();
    usage = torch::zeros({tensors.at("keys").size(0), tensors.at("keys").size(1)}, torch::kInt64);
    task.classes_seen = tensors.at("head.bias").size(0);
  }

  struct Names final : clb::nn::Module {
    Names(Tensors& of, std::vector<std::pair<std::string, std::string>> names) : of(of), names(std::move(names)) {}
    void parameters(const clb::nn::ParameterVisitor& visit) override {
      for (const auto& [own, in_map] : names) visit(own, of.at(in_map));
    }
    Tensors& of;
    std::vector<std::pair<std::string, std::string>> names;
  };

  void state(clb::Archive& a) {
    task.state(a);
    Names prompts(tensors, {{"general", "general"}, {"experts.prefixes", "prefixes"}, {"experts.keys", "keys"}});
    Names head(tensors, {{"weight", "head.weight"}, {"bias", "head.bias"}});
    a("tasks_learned", tasks_learned)("prompts", prompts)("head", head)("usage", usage);
  }
};

struct Trial {
  Trial(const Golden& golden, const Settings& settings, State start)
      : g(golden), bench(settings, weights_of(g)), vit(weights_of(g).tensors, {.heads = weights_of(g).heads}), now(std::move(start)) {
    bench.load(clb::testing::saved(now), 1 << 20, now.task.classes_seen);
  }

  // Trains on one batch; all classes have their rows in the head from the start, as in the references.
  void train(const std::string& batch, const Blocks& labels) {
    bench.train({.images = g["in.x" + batch], .labels = g["in.y" + batch]}, now.task.classes_seen, labels);
    clb::testing::load(now, bench.save());
  }
  Tensor predict(const Tensor& images) { return bench.predict({.features = vit.query(images), .images = images}); }
  Tensor traced(const char* name) const { return bench.traced.at(name); }

  const Golden& g;
  Bench bench;
  clb::nn::Vit vit;
  State now;
};

Tensors difference(const Tensors& a, const Tensors& b) {
  Tensors found;
  for (const auto& [name, t] : a) found[name] = (t - b.at(name)).detach();
  return found;
}

// Fixture "dualprompt".
struct Reference {
  explicit Reference(Golden& g) : g(g), general(g.config()["g_layers"].get<Blocks>()), experts(g.config()["e_layers"].get<Blocks>()) {
    const auto integer = [&](const char* name) { return value(g.config()[name].get<int64_t>()); };
    settings = {{"g_blocks", list(general)},
                {"e_blocks", list(experts)},
                {"g_length", integer("Lg")},
                {"e_length", integer("Le")},
                {"pool_size", integer("M")},
                {"top_k", integer("top_k")},
                {"batch_size", integer("B")},
                {"pull_weight", value(g.config()["lambda_port"].get<double>())},
                {"lr", value(g.config()["lr_port"].get<double>())},
                {"clip_norm", value(g.config()["clip_norm_port"].get<double>())},
                {"epochs", value(int64_t{1})}};
  }

  // The fixture's tensors split the width among heads and have one set of keys.
  State start(const std::string& at, int64_t learned) const {
    return {{{"general", g[at + "g_prompt"].flatten(-2)},
             {"prefixes", g[at + "e_prompt"].flatten(-2)},
             {"keys", g[at + "prompt_key"].unsqueeze(0)},
             {"head.weight", g[at + "head.weight"]},
             {"head.bias", g[at + "head.bias"]}},
            learned};
  }

  void near(const std::string& at, const Tensors& tensors, double absolute = 5e-6) {
    const int64_t heads = g.config()["heads"];
    const auto in_heads = [&](const char* name) { return tensors.at(name).unflatten(-1, {heads, -1}); };
    g.near(at + "g_prompt", in_heads("general"), absolute);
    g.near(at + "e_prompt", in_heads("prefixes"), absolute);
    g.near(at + "prompt_key", tensors.at("keys")[0], absolute);
    for (const std::string name : {"head.weight", "head.bias"}) g.near(at + name, tensors.at(name), absolute);
  }

  void check_forward(Trial& run, const std::string& at, const std::string& images) {
    const Tensor ids = run.traced("ids")[0], cosines = run.traced("cosines")[0];  // [n, k], [n, M]
    const Tensor keys = clb::nn::unit_rows(g[keys_of.at(at)]);
    g.near(at + "query", run.vit.query(g[images]));
    g.near(at + "similarity", cosines);
    g.equal(at + "prompt_idx", ids);
    g.near(at + "selected_key", keys.index_select(0, ids.flatten()).reshape(g[at + "selected_key"].sizes()));
    g.near(at + "reduce_sim", cosines.gather(1, ids).sum() / ids.size(0));
    g.near(at + "batched_prompt", run.traced("chosen").unflatten(-1, {g.config()["heads"].get<int64_t>(), -1}));
    g.near(at + "feature", run.traced("feature"));
    g.near(at + "logits", run.traced("logits"));
  }

  // One training batch: the gradients show in a step of plain SGD with rate 1. `begin`: where prompts stand when the step is made.
  void check_gradients(const std::string& at, const State& start, const Tensors& begin, int64_t task, bool legacy) {
    const std::string batch = std::to_string(task);
    Trial run(g, with(with(settings, kPlainStep), {{"clip_norm", value(0.0)}, {"legacy_prefix_reshape", value(legacy)}}), start);
    run.train(batch, classes_of(task));
    check_forward(run, at, "in.x" + batch);
    g.near(at + "logits_masked", clb::nn::mask_to(classes_of(task), run.traced("logits")));
    g.near(at + "ce", run.traced("ce"));
    g.near(at + "loss", run.traced("loss"));
    const Tensors gradients = difference(begin, run.now.tensors);
    near(at + "grad.", gradients);
    Tensor squares = torch::zeros({});
    for (const auto& [name, gradient] : gradients) squares += gradient.square().sum();
    g.near(at + "grad_norm", squares.sqrt());
  }

  void check_steps(const std::string& at, const State& start, int64_t task, int64_t steps, const Settings& changes) {
    Trial run(g, with(settings, with(changes, {{"epochs", value(steps)}})), start);
    run.train(std::to_string(task), classes_of(task));
    near(at, run.now.tensors, 2e-5);
    EXPECT_EQ(run.bench.metrics.at("updates"), (std::vector<std::pair<int64_t, double>>{{0, static_cast<double>(steps)}}));
  }

  // Test ids come from the keys of the state.
  void check_test(const std::string& at, bool voted, bool legacy) {
    Trial run(g, with(settings, {{"batch_vote_test", value(voted)}, {"legacy_prefix_reshape", value(legacy)}}), start("t1.after1.", 2));
    const Tensor logits = run.predict(g["in.xt"]);
    check_forward(run, at, "in.xt");
    g.equal(at + "pred_all", logits.argmax(1));
    g.equal(at + "pred_seen", logits.narrow(1, 0, g["class_mask"].narrow(0, 0, 2).max().item<int64_t>() + 1).argmax(1));
  }

  Blocks classes_of(int64_t task) const {
    const Tensor labels = g["class_mask"][task].contiguous();
    return {labels.data_ptr<int64_t>(), labels.data_ptr<int64_t>() + labels.numel()};
  }

  Golden& g;
  const Blocks general, experts;
  Settings settings;
  const std::map<std::string, std::string> keys_of{{"t0.train.", "param.prompt_key"},
                                                   {"t0.train_legacy.", "param.prompt_key"},
                                                   {"t1.train.", "t0.after2.prompt_key"},
                                                   {"test.per_sample.", "t1.after1.prompt_key"},
                                                   {"test.per_sample_legacy.", "t1.after1.prompt_key"},
                                                   {"test.voted.", "t1.after1.prompt_key"},
                                                   {"test.voted_legacy.", "t1.after1.prompt_key"}};
};

TEST(DualPrompt, EqualsTheReference) {
  CLB_GOLDEN(g, "dualprompt");
  Reference r(g);
  const State first = r.start("param.", 0), second = r.start("t0.after2.", 1);
  for (const bool legacy : {false, true}) r.check_gradients(legacy ? "t0.train_legacy." : "t0.train.", first, first.tensors, 0, legacy);
  r.check_steps("t0.after1.", first, 0, 1, {});
  r.check_steps("t0.after2.", first, 0, 2, {});
  r.check_steps("t0.after1_legacy.", first, 0, 1, {{"legacy_prefix_reshape", value(true)}});
  r.check_steps("t0.after1_pilot_legacy.", first, 0, 1,
                {{"legacy_prefix_reshape", value(true)},
                 {"lr", value(g.config()["lr_pilot"].get<double>())},
                 {"pull_weight", value(g.config()["lambda_pilot"].get<double>())},
                 {"clip_norm", value(0.0)}});

  // The second task's prompts start as the first's. A task without an update shows it.
  Trial copied(g, with(r.settings, {{"epochs", value(int64_t{0})}}), second);
  copied.train("1", r.classes_of(1));
  g.near("t1.start.e_prompt", copied.now.tensors.at("prefixes").unflatten(-1, {g.config()["heads"].get<int64_t>(), -1}), 0);
  r.check_gradients("t1.train.", second, copied.now.tensors, 1, false);
  r.check_steps("t1.after1.", second, 1, 1, {});

  for (const bool voted : {false, true})
    for (const bool legacy : {false, true})
      r.check_test(std::string("test.") + (voted ? "voted" : "per_sample") + (legacy ? "_legacy." : "."), voted, legacy);
  g.expect_all_compared({"vit.", "in.", "param.", "class_mask"});
}

// Fixture "coda_repo_baselines": halves of a prompt are keys and values; each block has keys of its own.
struct Beside {
  explicit Beside(Golden& g) : g(g) {
    const auto& c = g.config();
    settings = with(kPlainStep, {{"key_per_block", value(true)},
                                 {"pull_weight", value(c["key_loss_coef"].get<double>())},
                                 {"batch_size", value(c["B"].get<int64_t>())},
                                 {"e_length", value(c["Le"].get<int64_t>() / 2)},
                                 {"g_length", value(c["Lg"].get<int64_t>() / 2)},
                                 {"batch_vote_train", value(false)},
                                 {"transfer", value(false)}});
    const int64_t classes = c["cpt"];
    labels.resize(static_cast<size_t>(classes));
    std::iota(labels.begin(), labels.end(), classes);  // of task 1
  }

  static Tensor in_halves(const Tensor& prompts) {  // [b, ..., 2 l, d] -> [b, 2, ..., l, d]
    const auto halves = prompts.chunk(2, -2);
    return at::stack(halves, 1);
  }
  static Tensor whole(const Tensor& halves) { return at::cat({halves.select(1, 0), halves.select(1, 1)}, -2); }

  State start(const std::string& form, const std::string& at, const std::string& head_at, bool general) const {
    const Tensor none = torch::zeros({0, 2, g.config()["Lg"].get<int64_t>() / 2, g.config()["D"].get<int64_t>()});
    return {{{"general", general ? in_halves(g[form + at + "G"]) : none},
             {"prefixes", in_halves(g[form + at + "P"])},
             {"keys", g[form + at + "K"]},
             {"head.weight", g[head_at + "head.weight"]},
             {"head.bias", g[head_at + "head.bias"]}},
            1};
  }

  void near(const std::string& at, const Tensors& tensors, bool general, double absolute = 5e-6) {
    if (general) g.near(at + "G", whole(tensors.at("general")), absolute);
    g.near(at + "P", whole(tensors.at("prefixes")), absolute);
    g.near(at + "K", tensors.at("keys"), absolute);
    for (const std::string name : {"head.weight", "head.bias"}) g.near(at + name, tensors.at(name), absolute);
  }

  void check(const std::string& form, bool general, const Settings& of_form) {
    const State begin = start(form, "param.", "param.", general);
    const std::string at = form + "t1.train.";
    Trial run(g, with(settings, of_form), begin);
    run.train("1", labels);
    if (!queried) g.near("query", run.vit.query(g["in.x1"]));
    queried = true;
    g.near(at + "similarity", run.traced("cosines"));
    g.near(at + "logits", run.traced("logits"));
    g.near(at + "ce", run.traced("ce"));
    g.near(at + "loss", run.traced("loss"));
    g.near(at + "key_loss", run.traced("key_loss"));
    near(at + "grad.", difference(begin.tensors, run.now.tensors), general);

    Trial step(g, with(with(settings, of_form), {{"optimizer", choice("adam")}, {"lr", value(g.config()["lr"].get<double>())}}), begin);
    step.train("1", labels);
    near(form + "t1.after1.", step.now.tensors, general, 2e-5);

    Trial test(g, with(settings, of_form), start(form, "t1.after1.", form + "t1.after1.", general));
    const Tensor logits = test.predict(g["in.x1"]);
    g.near(form + "test.logits", logits);
    g.equal(form + "test.pred_seen", logits.narrow(1, 0, labels.back() + 1).argmax(1));
  }

  Golden& g;
  Settings settings;
  Blocks labels;
  bool queried = false;
};

Blocks first_blocks(const Tensor& stack) {
  Blocks blocks(static_cast<size_t>(stack.size(0)));
  std::iota(blocks.begin(), blocks.end(), 0);
  return blocks;
}

TEST(DualPrompt, EqualsTheFormsBesideCoda) {
  CLB_GOLDEN(g, "coda_repo_baselines");
  Beside beside(g);
  const Blocks general = first_blocks(g["dual.param.G"]), none;
  Blocks experts = first_blocks(g["dual.param.P"]);  // behind those of G
  for (int64_t& block : experts) block += static_cast<int64_t>(general.size());
  beside.check("dual.", true,
               {{"g_blocks", list(general)},
                {"e_blocks", list(experts)},
                {"pool_size", value(g.config()["T"].get<int64_t>())},
                {"key_loss", choice("sum")}});
  for (const std::string form : {"l2ppp.", "l2ppp_deep."}) {
    const Blocks blocks = first_blocks(g[form + "param.P"]);
    beside.check(form, false,
                 {{"g_blocks", list(none)},
                  {"e_blocks", list(blocks)},
                  {"pool_size", value(g.config()["M_l2p"].get<int64_t>())},
                  {"top_k", value(g.config()["top_k"].get<int64_t>())},
                  {"choose_train", choice("key")},
                  {"key_loss", choice("crossed")}});
  }
  g.expect_all_compared({"vit.", "in.", "param.", "dual.param.", "l2ppp.param.", "l2ppp_deep.param."});
}

const Blocks kFirst{0}, kSecond{1};
const Settings kSmall{{"g_blocks", list(kFirst)},      {"e_blocks", list(kSecond)},      {"g_length", value(int64_t{3})},
                      {"e_length", value(int64_t{2})}, {"pool_size", value(int64_t{3})}, {"lr", value(0.05)},
                      {"epochs", value(int64_t{3})},   {"batch_size", value(int64_t{4})}};

Tensors tensors_of(Bench& bench, const Settings& settings = kSmall) {
  const auto number = [&](const char* name) { return settings.at(name).as.i; };
  const int64_t d = clb::testing::kSmallVit.dim, m = number("pool_size");
  State state({{"general", torch::zeros({1, 2, number("g_length"), d})},
               {"prefixes", torch::zeros({1, 2, m, number("e_length"), d})},
               {"keys", torch::zeros({1, m, d})},
               {"head.weight", torch::zeros({1, d})},
               {"head.bias", torch::zeros(1)}},
              0);
  clb::testing::load(state, bench.save());
  for (auto& [name, t] : state.tensors) t = t.detach().clone();
  return state.tensors;
}

Samples with_features(Samples samples) {
  samples.features = small_vit().query(samples.images);
  return samples;
}

TEST(DualPrompt, ATaskTrainsItsOwnPromptsAlone) {
  Bench bench(kSmall, small_weights());
  bench.train(small_task(0), 2);
  const Tensors before = tensors_of(bench);
  bench.train(small_task(1), 4);
  const Tensors after = tensors_of(bench);
  const auto moved = [&](const char* name, int64_t axis, int64_t prompt) {
    return !torch::equal(before.at(name).select(axis, prompt), after.at(name).select(axis, prompt));
  };
  for (int64_t prompt = 0; prompt < 3; ++prompt) {
    EXPECT_EQ(moved("prefixes", 2, prompt), prompt == 1);
    EXPECT_EQ(moved("keys", 1, prompt), prompt == 1);
  }
  EXPECT_FALSE(torch::equal(before.at("general"), after.at("general")));
  EXPECT_TRUE(torch::equal(before.at("head.weight"), after.at("head.weight").narrow(0, 0, 2)));  // old classes
}

TEST(DualPrompt, KeysMoveTowardsQueriesAndPromptsMatter) {
  Bench bench(with(kSmall, {{"pull_weight", value(1.0)}}), small_weights());
  const Samples task = with_features(small_task(0));
  const auto cosine = [&] {
    return clb::nn::unit_rows(task.features).matmul(clb::nn::unit_rows(tensors_of(bench).at("keys")[0][0])).mean();
  };
  Bench untrained(with(kSmall, {{"epochs", value(int64_t{0})}}), small_weights());
  untrained.train(task, 2);
  bench.train(task, 2);
  const Tensor start = clb::nn::unit_rows(task.features).matmul(clb::nn::unit_rows(tensors_of(untrained).at("keys")[0][0])).mean();
  EXPECT_GT(cosine().item<double>(), start.item<double>() + 0.05);

  // The prompt of another task gives other logits.
  bench.train(small_task(1), 4);
  const Tensor own = bench.predict(task);
  State swapped(tensors_of(bench), 2);
  swapped.tensors.at("prefixes") = swapped.tensors.at("prefixes").index_select(2, torch::tensor({1, 0, 2})).detach().requires_grad_();
  bench.load(clb::testing::saved(swapped), 1 << 20, 4);
  EXPECT_GT((bench.predict(task) - own).abs().max().item<double>(), 1e-4);
}

TEST(DualPrompt, OnlyVoteAndLegacyLayoutDependOnTheBatch) {
  const Samples all = with_features(small_task(1, 7));
  const auto differs = [&](const Settings& changes) {
    Bench bench(with(kSmall, changes), small_weights());
    for (int64_t t = 0; t < 3; ++t) bench.train(with_features(small_task(t)), 2 * t + 2);
    const Tensor together = bench.predict(all);
    double largest = 0;
    for (int64_t k = 0; k < 7; ++k) {
      const Tensor alone = bench.predict(all.rows(torch::tensor({k})));
      largest = std::max(largest, (alone - together.narrow(0, k, 1)).abs().max().item<double>());
    }
    return largest;
  };
  EXPECT_LE(differs({}), 1e-5);
  EXPECT_GT(differs({{"legacy_prefix_reshape", value(true)}}), 1e-4);
}

TEST(DualPrompt, TheKeyOfATaskMovesTowardsItsQueries) {
  const auto similarity = [](double pull_weight) {
    Bench bench(with(kSmall, {{"pull_weight", value(pull_weight)}}), small_weights());
    for (int64_t t = 0; t < 2; ++t) bench.train(small_task(t), 2 * t + 2);
    return bench.metrics.at("keys/similarity");  // of the second task
  };
  const auto pulled = similarity(0.5), left = similarity(0);
  ASSERT_EQ(pulled.size(), 3);  // epochs
  EXPECT_LT(pulled[0].second, pulled[2].second);
  EXPECT_NEAR(left[0].second, left[2].second, 1e-6);
}

TEST(DualPrompt, TheStateIsExact) {
  Bench bench(kSmall, small_weights()), fresh(kSmall, small_weights());
  for (int64_t t = 0; t < 2; ++t) bench.train(small_task(t), 2 * t + 2);
  const Samples samples = with_features(small_task(0, 5));
  fresh.load(bench.save(), 5, bench.classes_seen());
  EXPECT_TRUE(torch::equal(fresh.predict(samples), bench.predict(samples)));
  EXPECT_EQ(fresh.save(), bench.save());
  bench.train(small_task(2), 6);
  fresh.train(small_task(2), 6, {4, 5});
  EXPECT_EQ(tensors_of(fresh).at("prefixes").sub(tensors_of(bench).at("prefixes")).abs().max().item<double>(), 0);
  double counted = 0;
  for (const auto& [prompt, count] : bench.metrics.at("usage/expert/0")) counted += count;
  EXPECT_EQ(counted, 3 * 3 * 12);  // every image of every epoch of three tasks
}

TEST(DualPrompt, APoolThatIsTooSmallIsRefusedOrLeftToTheKeys) {
  Bench refusing(kSmall, small_weights()), by_key(with(kSmall, {{"beyond_pool", choice("key")}}), small_weights());
  for (int64_t t = 0; t < 3; ++t) {
    refusing.train(small_task(t), 2 * t + 2);
    by_key.train(small_task(t), 2 * t + 2);
  }
  try {
    refusing.train(small_task(3), 8);
    ADD_FAILURE() << "a fourth task found a prompt in a pool of three";
  } catch (const clb::PluginError& e) {
    EXPECT_EQ(e.status(), CLB_E_INVALID);
    EXPECT_NE(std::string(e.what()).find("pool_size"), std::string::npos) << e.what();
  }
  by_key.train(small_task(3), 8);
  EXPECT_GT(by_key.metrics.at("relative_change")[0].second, 0);
  Bench one(with(kSmall, {{"pool_size", value(int64_t{1})}}), small_weights());  // a pool of one serves all tasks
  for (int64_t t = 0; t < 3; ++t) one.train(small_task(t), 2 * t + 2);
}

TEST(DualPrompt, WithoutPromptsItIsAHeadOnTheClassToken) {
  const Settings none = with(kSmall, {{"g_length", value(int64_t{0})}, {"e_length", value(int64_t{0})}});
  Bench bench(none, small_weights());
  const Samples task = with_features(small_task(0));
  bench.train(task, 2);
  bench.predict(task);
  EXPECT_LE((bench.traced.at("feature") - task.features).abs().max().item<double>(), 1e-5);
  EXPECT_GT(bench.metrics.at("relative_change")[0].second, 0);
}

TEST(DualPrompt, InitialPromptsAreThoseBeforeTraining) {
  const Settings initial = with(kSmall, {{"test_prompts", choice("initial")}});
  Bench bench(initial, small_weights()),
      untrained(with(kSmall, {{"epochs", value(int64_t{0})}, {"transfer", value(false)}}), small_weights());
  const Samples samples = with_features(small_task(0));
  bench.train(samples, 2);
  untrained.train(samples, 2);
  State state(tensors_of(bench), 1);  // the trained keys and head, and prompts as they were drawn
  for (const char* name : {"general", "prefixes"}) state.tensors.at(name) = tensors_of(untrained).at(name).requires_grad_();
  untrained.load(clb::testing::saved(state), 1 << 20, 2);
  EXPECT_TRUE(torch::equal(bench.predict(samples), untrained.predict(samples)));
  EXPECT_GT(bench.metrics.at("prompts/relative_change")[0].second, 0.01);
}

TEST(DualPrompt, WithoutAugmentationQueriesComeFromTheCache) {
  Bench augmented(kSmall, small_weights()), cached(with(kSmall, {{"augment", value(false)}}), small_weights());
  const Samples samples = with_features(small_task(0));  // both views of the bench are the same images
  augmented.train(samples, 2);
  cached.train(samples, 2);
  EXPECT_LE((augmented.predict(samples) - cached.predict(samples)).abs().max().item<double>(), 1e-5);
}

TEST(DualPrompt, KeysOfTasksToComeMayBeLeftOut) {
  Bench bench(kSmall, small_weights()), seen(with(kSmall, {{"seen_keys_only", value(true)}}), small_weights());
  bench.train(small_task(0), 2);
  State state(tensors_of(bench), 1);
  const Samples samples = with_features(small_task(0, 5));
  {
    const torch::NoGradGuard no_grad;  // the last key, of no task yet, is the nearest to everything
    state.tensors.at("keys")[0][2].copy_(samples.features.mean(0));
    state.tensors.at("keys")[0][0].copy_(-samples.features.mean(0));
  }
  for (Bench* one : {&bench, &seen}) {
    one->load(clb::testing::saved(state), 1 << 20, 2);
    one->predict(samples);
  }
  EXPECT_EQ(bench.traced.at("ids").min().item<int64_t>(), 2);
  EXPECT_EQ(seen.traced.at("ids").max().item<int64_t>(), 0);
}

TEST(DualPrompt, RefusesWhatCannotBe) {
  const Blocks beyond{2};
  const std::pair<Settings, const char*> cases[] = {{{{"top_k", value(int64_t{4})}}, "pool_size is only 3"},
                                                    {{{"init_low", value(2.0)}}, "init_low lies above"},
                                                    {{{"g_blocks", list(beyond)}}, "block 2"},
                                                    {{{"e_blocks", list(beyond)}}, "block 2"}};
  for (const auto& [changes, words] : cases) {
    try {
      Bench bench(with(kSmall, changes), small_weights());
      ADD_FAILURE() << words;
    } catch (const clb::PluginError& e) {
      EXPECT_EQ(e.status(), CLB_E_INVALID);
      EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what();
    }
  }
}

}  // namespace
