// LAE against gqk/LAE (fixture "lae"), through the plugin's own table, and the invariants of its chapter.
#include "lae.cpp"

#include <numeric>

#include "golden/golden.hpp"
#include "nn/golden_modules.hpp"
#include "support/small_vit.hpp"

namespace {

using clb::golden::any_numbers;
using clb::golden::Golden;
using clb::golden::parameters_of;
using clb::testing::choice;
using clb::testing::list;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::small_task;
using clb::testing::small_vit;
using clb::testing::small_weights;
using clb::testing::value;
using clb::testing::with;
using Bench = clb::testing::MethodBench<Lae>;
using Blocks = std::vector<int64_t>;
using Tensors = std::map<std::string, Tensor>;

const char* const kModules[] = {"adapter", "lora", "prefix"};

// The plugin's state as its members.
struct State {
  std::unique_ptr<Injection> online, offline;
  clb::nn::GrowingLinear head;
  clb::Task task;

  State(const clb::nn::Vit& vit, const ExpertOptions& options)
      : online(expert(vit.shape(), options, any_numbers())),
        offline(expert(vit.shape(), options, any_numbers())),
        head({.dim = vit.dim()}, any_numbers()) {
    clb::nn::freeze(*offline);
  }

  void state(clb::Archive& a) {
    task.state(a);
    a("online", *online)("offline", *offline)("head", head);
  }
};

State state_of(Bench& bench, const clb::nn::Vit& vit, const ExpertOptions& options) {
  State state(vit, options);
  clb::testing::load(state, bench.save());
  return state;
}

Tensors numbers(clb::nn::Module& module) {
  Tensors found;
  for (const auto& [name, t] : parameters_of(module)) found[name] = t.detach().clone();
  return found;
}

Tensors numbers(clb::nn::Module&& module) { return numbers(module); }

bool equal(const Tensors& a, const Tensors& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) { return torch::equal(x.second, y.second); });
}

// The fixture: parts of a module under the reference's names.
const std::map<std::string, std::map<std::string, std::string>> kNames = {
    {"adapter",
     {{"down.weight", "layer.0.weight"},
      {"down.bias", "layer.0.bias"},
      {"up.weight", "layer.2.weight"},
      {"up.bias", "layer.2.bias"},
      {"scale", "layer.3.scale"}}},
    {"lora",
     {{"k.a", "lora_A.0"},
      {"k.b", "lora_B.0"},
      {"k.scale", "scale.0.scale"},
      {"v.a", "lora_A.1"},
      {"v.b", "lora_B.1"},
      {"v.scale", "scale.1.scale"}}},
    {"prefix", {{"keys", "key.tokens"}, {"values", "val.tokens"}, {"key_scale", "key.scaler.scale"}, {"value_scale", "val.scaler.scale"}}},
};

struct Trial {
  Trial(const Golden& golden, const char* kind)
      : g(golden),
        vit(g.with_prefix("vit.param."), {.heads = g.config()["num_heads"].get<int64_t>()}),
        options{.module = kind,
                .blocks = g.config()["blocks"].get<Blocks>(),
                .rank = g.config()["rank"],
                .prefix_length = g.config()["length"]},
        old(g["head0.bias"].size(0)),
        all(old + g["head1.bias"].size(0)) {}

  // "<block>.<part>" -> "<i>.<reference's part>"
  std::string name(const std::string& parameter) const {
    const auto dot = parameter.find('.');
    const auto at = std::find(options.blocks.begin(), options.blocks.end(), std::stoll(parameter.substr(0, dot))) - options.blocks.begin();
    return std::to_string(at) + "." + kNames.at(options.module).at(parameter.substr(dot + 1));
  }

  // Both experts as the fixture has them, and both heads as rows of one.
  State start() const {
    State state(vit, options);
    for (Injection* module : {state.online.get(), state.offline.get()})
      clb::golden::fill(*module, g, [&](const std::string& parameter) { return options.module + ".pet" + name(parameter); });
    state.head.grow(all);
    state.head.parameters([&](const std::string& parameter, Tensor& t) {
      t = at::cat({g["head0." + parameter], g["head1." + parameter]}).requires_grad_();
    });
    state.task.index = 0;
    state.task.classes_seen = old;
    return state;
  }

  std::unique_ptr<Bench> bench(const Settings& changes) const {
    const Settings plain{{"module", choice(options.module.c_str())},
                         {"blocks", list(options.blocks)},
                         {"rank", value(options.rank)},
                         {"prefix_length", value(options.prefix_length)},
                         {"batch_size", value(g.config()["B"].get<int64_t>())},
                         {"ema_decay", value(g.config()["decay"].get<double>())},
                         {"lr", value(g.config()["lr"].get<double>())},
                         {"freeze_epochs", value(int64_t{0})}};
    return std::make_unique<Bench>(with(plain, changes),
                                   clb::testing::BenchWeights{g.with_prefix("vit.param."), g.config()["num_heads"].get<int64_t>()});
  }

  // The state after the fixture's task, which is the second: the first one that the bench counts is forgotten by loading.
  State trained(Bench& bench, State& from) const {
    bench.train({.images = g["images"], .labels = torch::zeros_like(g["labels"])}, old);
    bench.load(clb::testing::saved(from), 1 << 20, old);
    std::vector<int64_t> labels(static_cast<size_t>(all - old));
    std::iota(labels.begin(), labels.end(), old);
    bench.train({.images = g["images"], .labels = g["labels"]}, all, labels);
    return state_of(bench, vit, options);
  }

  const Golden& g;
  clb::nn::Vit vit;
  ExpertOptions options;
  int64_t old, all;  // classes of the first task, and of both
};

// Features, logits, loss, and gradients, which show in a step of plain SGD with rate 1.
void check_module(Golden& g, const char* kind) {
  const Trial trial(g, kind);
  const std::string at = std::string(kind) + ".";
  State before = trial.start();
  const auto bench =
      trial.bench({{"optimizer", choice("sgd")}, {"lr", value(1.0)}, {"momentum", value(0.0)}, {"epochs", value(int64_t{1})}});
  State after = trial.trained(*bench, before);
  g.close(at + "feature", bench->traced.at("feature"), 8e-6);
  g.close(at + "logits", bench->traced.at("logits"), 2e-5);
  g.close(at + "loss", bench->traced.at("loss").reshape({1}), 3e-6);
  Tensor logits = bench->traced.at("logits").requires_grad_();
  at::cross_entropy_loss(logits.narrow(1, trial.old, trial.all - trial.old), g["labels"] - trial.old).backward();
  g.close(at + "grad_logits", logits.grad(), 2e-6);
  Tensors was = numbers(*before.online);
  for (const auto& [name, t] : numbers(*after.online)) g.close(at + "grad.pet" + trial.name(name), was[name] - t, 5e-6);
  was = numbers(before.head);
  for (const auto& [name, t] : numbers(after.head)) {
    g.close(at + "grad.head1." + name, (was[name] - t).slice(0, trial.old), 5e-6);
    EXPECT_TRUE(torch::equal(was[name].slice(0, 0, trial.old), t.slice(0, 0, trial.old))) << "an old row of the head moved";
  }
}

void expect_experts(Golden& g, const Trial& trial, const std::string& at, State& state) {
  for (const auto& [name, t] : numbers(*state.online)) g.close(at + "online." + trial.name(name), t, 6e-6);
  for (const auto& [name, t] : numbers(*state.offline)) g.close(at + "offline." + trial.name(name), t, 6e-6);
}

// As many steps of Adam as the fixture has, from the same start each time; then frozen epochs, whose averages go on.
void check_average_and_ensemble(Golden& g) {
  const Trial trial(g, "adapter");
  State after = trial.start();
  int64_t steps = 0;
  for (; g.has("ema.step" + std::to_string(steps) + ".loss"); ++steps) {
    const std::string at = "ema.step" + std::to_string(steps) + ".";
    State from = trial.start();
    const auto bench = trial.bench({{"epochs", value(steps + 1)}});
    after = trial.trained(*bench, from);
    g.close(at + "loss", bench->traced.at("loss").reshape({1}), 6e-6);
    expect_experts(g, trial, at, after);
    for (const auto& [name, t] : numbers(after.head)) {
      if (g.has(at + "head0." + name)) g.close(at + "head0." + name, t.slice(0, 0, trial.old), 6e-6);
      if (g.has(at + "head1." + name)) g.close(at + "head1." + name, t.slice(0, trial.old), 6e-6);
    }
  }
  EXPECT_GT(steps, 0);
  Tensor predicted;
  for (const char* by : {"online", "offline", "ensemble"}) {
    const auto bench = trial.bench({{"predict_by", choice(by)}});
    bench->load(clb::testing::saved(after), 1 << 20, trial.all);
    predicted = bench->predict({.images = g["test_images"]});
    if (by != std::string("ensemble")) g.close("ens." + std::string(by) + "_logits", bench->traced.at("logits"), 2e-5);
  }
  g.close("ens.prob", predicted, 3e-6);
  g.equal("ens.pred", predicted.argmax(1));

  const auto frozen = trial.bench({{"epochs", value(int64_t{2})}, {"freeze_epochs", value(int64_t{2})}});
  State later = trial.trained(*frozen, after);
  EXPECT_TRUE(equal(numbers(*later.online), numbers(*after.online)));
  EXPECT_FALSE(equal(numbers(later.head), numbers(after.head)));
  for (const auto& [name, t] : numbers(*later.offline)) g.close("ema.frozen.offline." + trial.name(name), t, 5e-6);
}

TEST(Lae, EqualsTheReference) {
  CLB_GOLDEN(g, "lae");
  for (const char* kind : kModules) check_module(g, kind);
  check_average_and_ensemble(g);

  const Trial trial(g, "prefix");
  State state = trial.start();
  clb::golden::Tap tap;
  trial.vit.cls(g["images"], clb::nn::Together({state.online.get(), &tap}));
  const Tensor weights = tap.seen.at("block" + std::to_string(trial.options.blocks[0]) + ".attention").detach();
  g.close("prefix.block0.attn", weights, 2e-6);
  const Tensor prefix = weights.narrow(-1, 1, trial.options.prefix_length).sum(-1), others = weights.sum(-1) - prefix;
  EXPECT_TRUE(torch::allclose(prefix, torch::ones_like(prefix))) << "its share is made up for";
  EXPECT_LT(others.max().item<double>(), 1) << "of the others it is not";

  const Tensor a = g["ens2.online_logits"], b = g["ens2.offline_logits"], best = surer(a, b);
  g.close("ens2.prob", best);
  g.equal("ens2.pred", best.argmax(1));
  g.equal("ens2.pred_mean_of_probs", (at::softmax(a, 1) + at::softmax(b, 1)).argmax(1));  // other rules choose otherwise
  g.equal("ens2.pred_max_of_logits", at::maximum(a, b).argmax(1));
  g.expect_all_compared({"vit.param.", "images", "labels", "test_images", "head0.", "head1.", "adapter.pet", "lora.pet", "prefix.pet",
                         "ens2.online_logits", "ens2.offline_logits"});
}

TEST(Lae, TheSurerExpertDecides) {
  const Tensor online = torch::tensor({{0.7F, 0.3F}}).log(), offline = torch::tensor({{0.2F, 0.8F}}).log();
  EXPECT_TRUE(torch::allclose(surer(online, offline), torch::tensor({{0.7F, 0.8F}})));
}

// On a network small enough to train.

const Blocks kBlocks{0, 1};

Settings small_settings(const char* module = "adapter") {
  return {{"module", choice(module)},
          {"blocks", list(kBlocks)},
          {"prefix_length", value(int64_t{3})},
          {"batch_size", value(int64_t{4})},
          {"epochs", value(int64_t{2})},
          {"freeze_epochs", value(int64_t{0})},
          {"ema_decay", value(0.5)},
          {"lr", value(0.01)}};
}

ExpertOptions small_options(const char* module = "adapter") { return {.module = module, .blocks = kBlocks, .rank = 5, .prefix_length = 3}; }

struct Small {
  explicit Small(const Settings& changes = {}, const char* kind = "adapter")
      : module(kind), bench(with(small_settings(kind), changes), small_weights()) {}
  void train(int64_t tasks) {
    for (int64_t t = 0; t < tasks; ++t, ++trained) bench.train(small_task(trained), 2 * (trained + 1));
  }
  State state() { return state_of(bench, small_vit(), small_options(module)); }
  Tensor predict() { return bench.predict({.images = at::cat({small_task(0).images, small_task(1).images})}); }

  const char* module;
  Bench bench;
  int64_t trained = 0;
};

TEST(Lae, TheOfflineExpertStartsAsTheOnlineOneAndFollowsByTheDecay) {
  for (const char* module : kModules) {
    for (const double decay : {0.0, 0.5, 1.0}) {
      Small run({{"ema_decay", value(decay)}}, module);
      run.train(1);
      State first = run.state();
      EXPECT_TRUE(equal(numbers(*first.online), numbers(*first.offline))) << module;
      run.train(1);
      State second = run.state();
      EXPECT_FALSE(equal(numbers(*second.online), numbers(*first.online))) << module;
      EXPECT_EQ(equal(numbers(*second.offline), numbers(*second.online)), decay == 0) << module << decay;
      EXPECT_EQ(equal(numbers(*second.offline), numbers(*first.offline)), decay == 1) << module << decay;
    }
  }
}

TEST(Lae, TheEnsembleIsTheLargerProbabilityAndOneExpertAfterTheFirstTask) {
  Small run;
  const auto by = [&](const char* expert) {
    Bench other(with(small_settings(), {{"predict_by", choice(expert)}}), small_weights());
    other.load(run.bench.save(), 1 << 20, run.bench.classes_seen());
    return other.predict({.images = small_task(0).images});
  };
  run.train(1);
  EXPECT_TRUE(torch::equal(by("ensemble"), by("online")));
  EXPECT_TRUE(torch::equal(by("offline"), by("online")));
  run.train(1);
  EXPECT_FALSE(torch::allclose(by("offline"), by("online")));
  EXPECT_TRUE(torch::equal(by("ensemble"), at::maximum(by("online"), by("offline"))));
  EXPECT_TRUE(torch::allclose(by("online").sum(1), torch::ones(12)));
  // The modules as drawn are the network without any, since adapters begin with nothing.
  State state = run.state();
  EXPECT_TRUE(torch::allclose(by("initial"), at::softmax(state.head(small_vit().cls(small_task(0).images)), 1), 1e-4, 1e-5));
}

TEST(Lae, BlocksBeforeTheFirstExpertAreSharedByEpochsWhoseImagesStayTheSame) {
  const auto learned = [](bool repeats) {
    Small run({{"blocks", list(Blocks{1})}});
    run.bench.repeats = repeats;
    run.train(2);
    return run.predict();
  };
  EXPECT_TRUE(torch::allclose(learned(true), learned(false), 1e-4, 1e-5));
}

TEST(Lae, ExpertsStandStillInFrozenEpochsButForTheFirstTask) {
  const auto moved = [](const Settings& changes, int64_t task) {
    Small run(changes);
    run.train(task);
    const Tensors before = numbers(*run.state().online);
    run.train(1);
    EXPECT_GT(run.bench.metrics.at("relative_change")[0].second, 0) << "the head learns";
    return !equal(numbers(*run.state().online), before);
  };
  const auto frozen = [](int64_t epochs) { return Settings{{"freeze_epochs", value(epochs)}}; };
  EXPECT_FALSE(moved(frozen(2), 1));
  EXPECT_FALSE(moved(frozen(7), 1));
  EXPECT_TRUE(moved(frozen(1), 1)) << "of two epochs";
  EXPECT_TRUE(moved(frozen(0), 1));
  // The first task: against its state before any update, which a run of no epochs keeps.
  const auto first = [&](const Settings& changes) {
    Small run(changes), none(with(changes, {{"epochs", value(int64_t{0})}}));
    run.train(1);
    none.train(1);
    return !equal(numbers(*run.state().online), numbers(*none.state().online));
  };
  EXPECT_TRUE(first(frozen(7)));
  EXPECT_FALSE(first(with(frozen(7), {{"first_task", choice("as_others")}})));
}

TEST(Lae, TheFirstTaskAsAllOthersIsAveragedFromTheStart) {
  Small run({{"first_task", choice("as_others")}}), none({{"epochs", value(int64_t{0})}}),
      still({{"first_task", choice("as_others")}, {"ema_decay", value(1.0)}});
  for (Small* each : {&run, &none, &still}) each->train(1);
  EXPECT_FALSE(equal(numbers(*run.state().offline), numbers(*run.state().online)));
  EXPECT_FALSE(equal(numbers(*run.state().offline), numbers(*none.state().offline)));
  EXPECT_TRUE(equal(numbers(*still.state().offline), numbers(*none.state().offline))) << "decay 1 keeps it as drawn";
  EXPECT_FALSE(torch::equal(run.predict(), still.predict())) << "both experts predict, from the first task on";
}

TEST(Lae, FreshAdaptersAndLoraChangeNothingAndAPrefixDoes) {
  const torch::NoGradGuard no_grad;  // with gradients it is computed otherwise
  const clb::nn::Vit vit = small_vit();
  const Tensor images = small_task(0).images, plain = vit.cls(images, clb::nn::Together({}));
  for (const char* module : kModules) {
    const double change = (vit.cls(images, *expert(vit.shape(), small_options(module), any_numbers())) - plain).abs().max().item<double>();
    if (module == std::string("prefix")) {
      EXPECT_GT(change, 1e-3);
    } else {
      EXPECT_LE(change, 5e-7) << module;
    }
  }
}

TEST(Lae, AsManyParametersAsTheChapterCounts) {
  constexpr clb::nn::VitShape kBase{.image = 224, .patch = 16, .dim = 768, .depth = 12, .heads = 12, .mlp = 3072};
  const auto count = [&](const char* module) { return clb::nn::trained_numbers(*expert(kBase, {.module = module}, any_numbers())); };
  EXPECT_EQ(count("adapter"), 42270);
  EXPECT_EQ(count("lora"), 76810);
  EXPECT_EQ(count("prefix"), 76810);
}

TEST(Lae, GoesOnFromAStateBitForBit) {
  for (const char* module : kModules) {
    Small through({}, module), resumed({}, module);
    through.train(2);
    resumed.train(1);
    const std::string bytes = resumed.bench.save();
    Small later({}, module);
    later.train(1);  // the bench counts tasks
    later.bench.load(bytes, 7, 2);
    EXPECT_EQ(later.bench.save(), bytes);
    later.train(1);
    EXPECT_EQ(later.bench.save(), through.bench.save()) << module;
    EXPECT_TRUE(torch::equal(later.predict(), through.predict())) << module;
  }
}

TEST(Lae, OldRowsOfTheHeadStayAndThoseOfClassesThatComeAgainLearn) {
  Small run;
  run.train(1);
  const Tensors before = numbers(run.state().head);
  run.train(1);
  for (const auto& [name, t] : numbers(run.state().head)) EXPECT_TRUE(torch::equal(t.slice(0, 0, 2), before.at(name))) << name;
  Small domains;
  domains.bench.train(small_task(0), 2);
  domains.bench.train({.images = small_task(0).images.flip(3), .labels = small_task(0).labels}, 2, {0, 1});
  EXPECT_FALSE(torch::equal(numbers(domains.state().head).at("weight"), before.at("weight")));
  EXPECT_EQ(domains.bench.predict({.images = small_task(0).images}).size(1), 2);
}

TEST(Lae, BlocksThatCannotBeAreRefused) {
  for (const Blocks& blocks : {Blocks{}, Blocks{2}, Blocks{0, 0}})
    EXPECT_THROW(Bench(with(small_settings(), {{"blocks", list(blocks)}}), small_weights()), clb::PluginError);
  EXPECT_THROW(Bench(with(small_settings("lora"), {{"rank", value(int64_t{25})}}), small_weights()), clb::PluginError);
}

}  // namespace
