// CODA-Prompt against GT-RIPL/CODA-Prompt (fixture "coda"), through the plugin's own table, and the invariants of its chapter.
#include "coda_prompt.cpp"

#include <clb/nn/tensors.hpp>

#include "golden/golden.hpp"
#include "nn/golden_modules.hpp"
#include "support/method_bench.hpp"
#include "support/small_vit.hpp"

namespace {

using clb::golden::any_numbers;
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
using Bench = clb::testing::MethodBench<CodaPrompt>;

clb::testing::BenchWeights weights_of(const Golden& g) { return {.tensors = g.with_prefix("vit."), .heads = g.config()["heads"]}; }

// The fixture's configuration; `blocks` belongs to it and must live as long as the settings.
Settings settings_of(const Golden& g, const std::vector<int64_t>& blocks) {
  const auto integer = [&](const char* name) { return value(g.config()[name].get<int64_t>()); };
  return {{"components", integer("M")},
          {"tasks", integer("T")},
          {"prompt_length", integer("Lp")},
          {"batch_size", integer("B")},
          {"blocks", list(blocks)},
          {"ortho_weight", value(g.config()["mu"].get<double>())},
          {"lr", value(g.config()["lr"].get<double>())},
          {"epochs", value(int64_t{1})}};
}

// The plugin's state as its members. The fixture's tensors have a row for every component, also for those of tasks to come.
struct State {
  int64_t tasks_begun = 0, all = 0;  // all: rows of the fixture
  Components old, own;
  clb::nn::GrowingLinear head;
  clb::Task task;

  // Components and head may come from different places: a task starts with new components and the head as it was.
  State(const Golden& g, const std::string& at, const std::string& head_at, int64_t begun, int64_t first, int64_t behind)
      : tasks_begun(begun), all(g[at + "K"].size(1)), head({.dim = g[at + "K"].size(2)}, any_numbers()) {
    const Components rows{g[at + "P"], g[at + "K"], g[at + "A"]};
    old = rows.rows(0, first);
    own = rows.rows(first, behind);
    clb::nn::unfreeze(own);
    head.grow(g[head_at + "head.bias"].size(0));
    head.parameters([&](const std::string& name, Tensor& t) { t = g[head_at + "head." + name].requires_grad_(); });
    task.classes_seen = head.classes();
  }

  // Under the fixture's names, with rows of zeros for what there is not yet.
  std::map<std::string, Tensor> tensors() const {
    const auto padded = [&](const Tensor& a, const Tensor& b) {
      const Tensor rows = at::cat({a.detach(), b.detach()}, 1);
      auto sizes = rows.sizes().vec();
      sizes[1] = all - sizes[1];
      return at::cat({rows, torch::zeros(sizes)}, 1);
    };
    std::map<std::string, Tensor> found{
        {"P", padded(old.prompts, own.prompts)}, {"K", padded(old.keys, own.keys)}, {"A", padded(old.attention, own.attention)}};
    clb::nn::GrowingLinear same = head;
    same.parameters([&](const std::string& name, Tensor& t) { found["head." + name] = t.detach(); });
    return found;
  }

  void state(clb::Archive& a) {
    task.state(a);
    a("tasks_begun", tasks_begun)("old", old)("own", own)("head", head);
  }
};

struct Trial {
  Trial(const Golden& golden, const Settings& settings, State start)
      : g(golden), bench(settings, weights_of(g)), vit(weights_of(g).tensors, {.heads = weights_of(g).heads}), now(std::move(start)) {
    bench.load(clb::testing::saved(now), 1 << 20, now.head.classes());
  }

  // Trains on the batch of one task; all classes have their rows in the head from the start, as in the reference.
  void train(int64_t task) {
    const std::string batch = std::to_string(task);
    bench.train({.images = g["in.x" + batch], .labels = g["in.y" + batch]}, now.head.classes(), classes_of(task));
    before = now;
    clb::testing::load(now, bench.save());
  }

  std::vector<int64_t> classes_of(int64_t task) const {
    const Tensor labels = g["class_mask"][task].contiguous();
    return {labels.data_ptr<int64_t>(), labels.data_ptr<int64_t>() + labels.numel()};
  }

  const Golden& g;
  Bench bench;
  clb::nn::Vit vit;
  State now, before{now};
};

struct Reference {
  explicit Reference(Golden& g)
      : g(g),
        blocks(g.config()["prompt_layers"].get<std::vector<int64_t>>()),
        settings(settings_of(g, blocks)),
        share(g.config()["M"].get<int64_t>() / g.config()["T"].get<int64_t>()) {}

  // At the start of the task: its components are there already, drawn as the fixture says.
  State start(int64_t task) const {
    const std::string at = "t" + std::to_string(task) + ".start.";
    return {g, at, task == 0 ? at : "t0.after2.", task, task * share, (task + 1) * share};
  }

  void check_forward(Trial& run, const std::string& at, const std::string& images) {
    const auto traced = [&](const char* name) { return run.bench.traced.at(name); };
    const auto halves = traced("prompts").chunk(2, 2);
    g.near(at + "query", run.vit.query(g[images]));
    g.near(at + "alpha", traced("alpha"));
    g.near(at + "Ek", halves[0]);
    g.near(at + "Ev", halves[1]);
    g.near(at + "feature", traced("feature"));
    g.near(at + "logits", traced("logits"));
  }

  // One training batch: the gradients show in a step of plain SGD with rate 1.
  std::map<std::string, Tensor> gradients(Trial& run, int64_t task) {
    run.train(task);
    std::map<std::string, Tensor> found = run.before.tensors();
    for (auto& [name, t] : found) t = t - run.now.tensors().at(name);
    return found;
  }

  void check_gradients(int64_t task) {
    const std::string at = "t" + std::to_string(task) + ".train.", batch = std::to_string(task);
    const Settings plain = with(settings, {{"optimizer", choice("sgd")}, {"lr", value(1.0)}, {"momentum", value(0.0)}});
    Trial run(g, plain, start(task));
    const auto found = gradients(run, task);
    check_forward(run, at, "in.x" + batch);
    const int64_t seen = run.classes_of(task).back() + 1;
    const Tensor masked = clb::nn::mask_to(run.classes_of(task), run.bench.traced.at("logits")).narrow(1, 0, seen);
    g.near(at + "logits_masked", masked);
    g.near(at + "ce", run.bench.traced.at("ce"));
    g.near(at + "loss", run.bench.traced.at("loss"));
    g.near(at + "ortho_loss", run.bench.traced.at("loss") - run.bench.traced.at("ce"));
    for (const auto& [name, gradient] : found) g.near(at + "grad." + name, gradient);

    Trial penalised(g, with(plain, {{"ortho_weight", value(g.config()["mu_alt"].get<double>())}}), start(task));
    const auto with_penalty = gradients(penalised, task);
    const Tensor penalty = g.config()["mu_alt"].get<double>() * penalised.bench.traced.at("ortho");
    g.near(at + "ortho.ortho_loss", penalty, 1e-8);
    g.near(at + "ortho.loss", penalised.bench.traced.at("loss"));
    for (const std::string name : {"P", "K", "A"}) g.near(at + "ortho.grad." + name, with_penalty.at(name));
  }

  void check_steps(int64_t task, const std::vector<std::string>& after) {
    for (size_t steps = 1; steps <= after.size(); ++steps) {
      Trial run(g, with(settings, {{"epochs", value(static_cast<int64_t>(steps))}}), start(task));
      run.train(task);
      for (const auto& [name, t] : run.now.tensors()) g.near(after[steps - 1] + name, t, 2e-5);
      EXPECT_EQ(run.bench.metrics.at("updates"), (std::vector<std::pair<int64_t, double>>{{0, static_cast<double>(steps)}}));
    }
  }

  // New components from the draws that the reference recorded.
  void check_gram_schmidt(int64_t task) {
    const std::string at = "t" + std::to_string(task) + ".";
    const int64_t first = task * share, behind = first + share;
    for (const std::string kind : {"P", "K", "A"}) {
      const Tensor noise = g[at + "gs_noise." + kind], expected = g[at + "start." + kind];
      const Tensor kept = task == 0 ? expected.narrow(1, 0, 0) : g["t0.after2." + kind].narrow(1, 0, first);
      std::vector<Tensor> blocks;
      for (int64_t b = 0; b < noise.size(0); ++b) {
        const auto draw = [&](int64_t row, int64_t) { return noise[b][row - first]; };
        const Tensor rows = clb::nn::gram_schmidt_rows(kept[b].flatten(1), share, draw);
        blocks.push_back(at::cat({rows, torch::zeros({expected.size(1) - behind, rows.size(1)})}));
      }
      g.near(at + "start." + kind, at::stack(blocks).reshape(expected.sizes()));
    }
  }

  Golden& g;
  const std::vector<int64_t> blocks;
  const Settings settings;
  const int64_t share;  // components of a task
};

TEST(CodaPrompt, EqualsTheReference) {
  CLB_GOLDEN(g, "coda");
  Reference reference(g);
  for (const int64_t task : {0, 1}) {
    reference.check_gram_schmidt(task);
    reference.check_gradients(task);
  }
  reference.check_steps(0, {"t0.after1.", "t0.after2."});
  reference.check_steps(1, {"t1.after1."});

  Trial run(g, reference.settings, {g, "t1.after1.", "t1.after1.", 2, reference.share, 2 * reference.share});
  const Tensor logits = run.bench.predict({.features = run.vit.query(g["in.xt"]), .images = g["in.xt"]});
  reference.check_forward(run, "test.", "in.xt");
  g.equal("test.pred_seen", logits.narrow(1, 0, run.classes_of(1).back() + 1).argmax(1));

  for (const auto& [name, rates] : g.with_prefix("lr_sequence_E")) {
    const clb::nn::FitOptions options{.lr = g.config()["lr"], .epochs = std::stoll(name), .schedule = "coda"};
    std::vector<double> found;
    for (int64_t e = 0; e < options.epochs; ++e)
      found.push_back(clb::nn::learning_rate(options, static_cast<double>(e), static_cast<double>(options.epochs)));
    g.close("lr_sequence_E" + name, torch::tensor(found, torch::kFloat64), 1e-9);
  }
  g.expect_all_compared({"vit.", "in.", "t0.start.head.", "t0.gs_noise.", "t1.gs_noise.", "class_mask"});
}

const std::vector<int64_t> kBothBlocks{0, 1};
const Settings kSmall{{"components", value(int64_t{7})}, {"tasks", value(int64_t{3})}, {"prompt_length", value(int64_t{6})},
                      {"blocks", list(kBothBlocks)},     {"lr", value(0.05)},          {"epochs", value(int64_t{3})},
                      {"batch_size", value(int64_t{4})}};

// Components by their plugin's names; those of older tasks first.
std::map<std::string, Tensor> components(Bench& bench) {
  struct Reader {
    int64_t tasks_begun = 0;
    Components old, own;
    clb::nn::GrowingLinear head{{.dim = clb::testing::kSmallVit.dim}, any_numbers()};
    clb::Task task;
    void state(clb::Archive& a) {
      task.state(a);
      a("tasks_begun", tasks_begun)("old", old)("own", own)("head", head);
    }
  } reader;
  reader.old = reader.own = {torch::zeros({2, 0, 6, 24}), torch::zeros({2, 0, 24}), torch::zeros({2, 0, 24})};
  clb::testing::load(reader, bench.save());
  const Components all = reader.old.with(reader.own);
  return {
      {"prompts", all.flat_prompts().detach().clone()}, {"keys", all.keys.detach().clone()}, {"attention", all.attention.detach().clone()}};
}

Samples with_features(Samples samples) {
  samples.features = small_vit().query(samples.images);
  return samples;
}

TEST(CodaPrompt, NewComponentsAreOrthogonalAndOldOnesStandStill) {
  Bench untrained(with(kSmall, {{"epochs", value(int64_t{0})}}), small_weights());
  untrained.train(small_task(0), 2);
  for (const auto& [name, rows] : components(untrained)) {
    ASSERT_EQ(rows.size(1), 2) << name;
    EXPECT_LE((rows.matmul(rows.transpose(1, 2)) - torch::eye(2)).abs().max().item<double>(), 1e-5) << name;
  }
  // Weight decay moves whatever an optimiser holds, so it would move old components if they were held.
  Bench bench(with(kSmall, {{"weight_decay", value(0.1)}}), small_weights());
  bench.train(small_task(0), 2);
  auto before = components(bench);
  for (const auto& [name, series] : {std::pair{"prompts", "overlap/prompts"}, {"keys", "overlap/keys"}}) {
    EXPECT_GT(clb::nn::overlap(before.at(name)), 1e-4) << name;  // trained components are not orthogonal
    EXPECT_NEAR(bench.metrics.at(series)[0].second, clb::nn::overlap(before.at(name)), 1e-6);
  }
  for (int64_t t = 1; t < 3; ++t) {
    bench.train(small_task(t), 2 * t + 2);
    for (const auto& [name, rows] : components(bench)) {
      EXPECT_EQ(rows.size(1), 2 * t + 2) << name;
      EXPECT_TRUE(torch::equal(rows.narrow(1, 0, 2 * t), before.at(name))) << name;
    }
    before = components(bench);
  }
  EXPECT_EQ(bench.metrics.at("usage/component/1").size(), 6u);
  double images = 0;
  for (const auto& [component, share] : bench.metrics.at("usage/component/1")) images += share;
  EXPECT_NEAR(images, 3 * 12, 1e-3);  // each image of each epoch is shared out
  try {
    bench.train(small_task(3), 8);
    ADD_FAILURE() << "a fourth task of three was trained";
  } catch (const clb::PluginError& e) {
    EXPECT_EQ(e.status(), CLB_E_INVALID);
    EXPECT_NE(std::string(e.what()).find("tasks is 3"), std::string::npos) << e.what();
  }
}

TEST(CodaPrompt, WithoutFreezingAllComponentsLearn) {
  Bench bench(with(kSmall, {{"freeze_old", value(false)}, {"tasks", value(int64_t{1})}, {"components", value(int64_t{1})}}),
              small_weights());
  bench.train(small_task(0), 2);  // a pool of one
  const auto before = components(bench);
  bench.train(small_task(1), 4);
  for (const auto& [name, rows] : components(bench)) {
    ASSERT_EQ(rows.sizes(), before.at(name).sizes());
    EXPECT_FALSE(torch::equal(rows, before.at(name))) << name;
  }
}

TEST(CodaPrompt, ThePenaltyLowersTheOverlap) {
  double overlaps[2];
  for (const int64_t on : {0, 1}) {
    Bench bench(with(kSmall, {{"ortho_weight", value(on * 10.0)}, {"epochs", value(int64_t{5})}}), small_weights());
    for (int64_t t = 0; t < 3; ++t) bench.train(small_task(t), 2 * t + 2);
    overlaps[on] = bench.metrics.at("overlap/prompts")[0].second + bench.metrics.at("overlap/keys")[0].second;
  }
  EXPECT_LT(overlaps[1], overlaps[0]);
}

TEST(CodaPrompt, PredictionsAreOfEachImageAloneAndSurviveTheState) {
  Bench bench(kSmall, small_weights()), fresh(kSmall, small_weights());
  for (int64_t t = 0; t < 2; ++t) bench.train(small_task(t), 2 * t + 2);
  const Samples all = with_features(small_task(1, 7));
  const Tensor together = bench.predict(all);
  for (int64_t k = 0; k < 7; ++k) {
    const Tensor alone = bench.predict(all.rows(torch::tensor({k})));
    EXPECT_LE((alone - together.narrow(0, k, 1)).abs().max().item<double>(), 1e-5);
  }
  fresh.load(bench.save(), 7, bench.classes_seen());
  EXPECT_TRUE(torch::equal(fresh.predict(all), together));
  EXPECT_EQ(fresh.save(), bench.save());
  bench.train(small_task(2), 6);  // what was loaded learns on as what was not
  fresh.train(small_task(2), 6, {4, 5});
  EXPECT_TRUE(torch::equal(fresh.predict(all), bench.predict(all)));
}

// The plugin computes them from products of matrices; here they are written down.
TEST(CodaPrompt, WeightsAreCosines) {
  Bench bench(kSmall, small_weights());
  for (int64_t t = 0; t < 2; ++t) bench.train(small_task(t), 2 * t + 2);
  Samples samples = with_features(small_task(0, 5));
  const auto all = components(bench);
  bench.predict(samples);
  const Tensor alpha = bench.traced.at("alpha");                                                       // [b, n, k]
  const Tensor attended = samples.features.reshape({1, 5, 1, 24}) * all.at("attention").unsqueeze(1);  // [b, n, k, d]
  const Tensor cosines = (clb::nn::unit_rows(attended) * clb::nn::unit_rows(all.at("keys")).unsqueeze(1)).sum(-1);
  EXPECT_LE((alpha - cosines).abs().max().item<double>(), 1e-5);
  samples.features = 3 * samples.features;
  bench.predict(samples);
  EXPECT_LE((alpha - bench.traced.at("alpha")).abs().max().item<double>(), 1e-5);
}

TEST(CodaPrompt, InitialPromptsAreThoseBeforeTraining) {
  Bench bench(with(kSmall, {{"test_prompts", choice("initial")}}), small_weights());
  Bench trained(kSmall, small_weights()), untrained(with(kSmall, {{"epochs", value(int64_t{0})}}), small_weights());
  const Samples samples = with_features(small_task(0));
  for (Bench* one : {&bench, &trained, &untrained}) {
    one->train(samples, 2);
    one->predict(samples);
  }
  EXPECT_FALSE(torch::allclose(bench.traced.at("feature"), trained.traced.at("feature")));
  const std::string first_task = trained.save();
  // The prompts are those of the untrained components, put together with the trained weights.
  const Tensor components_as_drawn = components(untrained).at("prompts");  // [b, k, L d]
  const Tensor expected = trained.traced.at("alpha").matmul(components_as_drawn);
  EXPECT_LE((bench.traced.at("prompts").flatten(2) - expected).abs().max().item<double>(), 1e-5);
  EXPECT_GT(bench.metrics.at("prompts/relative_change")[0].second, 0.01);
  // Any kept state will do, here one of two tasks: of its second task too they are those that it began with.
  trained.train(small_task(1), 4);
  const Tensor newest = components(trained).at("prompts").narrow(1, 2, 2);
  Bench evaluated(with(kSmall, {{"test_prompts", choice("initial")}}), small_weights());
  evaluated.load(trained.save(), 1 << 20, 4);
  evaluated.predict(samples);
  trained.predict(samples);
  EXPECT_TRUE(torch::equal(evaluated.traced.at("alpha"), trained.traced.at("alpha")));
  Bench begun(with(kSmall, {{"epochs", value(int64_t{0})}}), small_weights());
  begun.load(first_task, 1 << 20, 2);
  begun.train(small_task(1), 4);
  const Tensor drawn = at::cat({components_as_drawn, components(begun).at("prompts").narrow(1, 2, 2)}, 1);
  EXPECT_FALSE(torch::allclose(drawn.narrow(1, 2, 2), newest, 1e-3, 1e-3));
  EXPECT_LE((evaluated.traced.at("prompts").flatten(2) - trained.traced.at("alpha").matmul(drawn)).abs().max().item<double>(), 1e-5);
  EXPECT_THROW(Bench(with(kSmall, {{"test_prompts", choice("initial")}, {"freeze_old", value(false)}}), small_weights()), clb::PluginError);
}

TEST(CodaPrompt, WithoutAugmentationQueriesComeFromTheCache) {
  Bench augmented(kSmall, small_weights()), cached(with(kSmall, {{"augment", value(false)}}), small_weights());
  const Samples samples = with_features(small_task(0));  // both views of the bench are the same images
  augmented.train(samples, 2);
  cached.train(samples, 2);
  EXPECT_LE((augmented.predict(samples) - cached.predict(samples)).abs().max().item<double>(), 1e-4);
}

TEST(CodaPrompt, WithoutPromptsItIsAHeadOnTheClassToken) {
  Bench bench(with(kSmall, {{"components", value(int64_t{0})}}), small_weights());
  const Samples task = with_features(small_task(0));
  bench.train(task, 2);
  bench.predict(task);
  EXPECT_TRUE(torch::allclose(bench.traced.at("feature"), task.features));
  EXPECT_GT(bench.metrics.at("relative_change")[0].second, 0);
  EXPECT_EQ(bench.metrics.at("trainable_parameters")[0].second, 2 * 24 + 2);
}

TEST(CodaPrompt, RefusesWhatCannotBe) {
  const std::vector<int64_t> twice{1, 1}, beyond{0, 2};
  const std::pair<Settings, const char*> cases[] = {
      {{{"prompt_length", value(int64_t{5})}}, "prompt_length is 5"},
      {{{"tasks", value(int64_t{8})}}, "fewer than tasks"},
      {{{"blocks", list(twice)}}, "block 1"},
      {{{"blocks", list(beyond)}}, "block 2"},
  };
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
