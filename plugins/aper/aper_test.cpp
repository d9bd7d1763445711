// APER against RevisitingCIL (fixture "aper"), through the plugin's own table, and the invariants of its chapter. The tuners' gradients and
// block outputs are compared in tests/nn.
#include "aper.cpp"

#include "golden/golden.hpp"
#include "nn/golden_modules.hpp"
#include "support/small_vit.hpp"

namespace {

using clb::golden::any_numbers;
using clb::golden::Golden;
using clb::testing::BenchWeights;
using clb::testing::choice;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::small_task;
using clb::testing::small_vit;
using clb::testing::small_weights;
using clb::testing::value;
using torch::Tensor;
using Bench = clb::testing::MethodBench<Aper>;

constexpr const char* kTuners[] = {"adapter", "ssf", "vpt_deep", "vpt_shallow", "finetune"};

BenchWeights weights_of(const Golden& g) { return {.tensors = g.with_prefix("ptm.param."), .heads = g.config()["num_heads"]}; }

clb::nn::Vit vit_of(const BenchWeights& weights) { return clb::nn::Vit(weights.tensors, {.heads = weights.heads}); }

// The plugin's state as its members.
struct State {
  clb::nn::TunedVit tuned;
  clb::nn::ClassMeans means;
  clb::Task task;

  State(const clb::nn::Vit& vit, const clb::nn::TunerOptions& options) : tuned(vit, options, any_numbers()) {}
  void state(clb::Archive& a) {
    task.state(a);
    a("tuned", tuned)("means", means);
  }
  std::map<std::string, Tensor> tensors() {
    std::map<std::string, Tensor> found;
    tuned.parameters([&](const std::string& name, Tensor& t) { found[name] = t.detach().clone(); });
    return found;
  }
};

// The fixture's name of a tuner's parameter.
std::string reference_name(const std::string& tuner, const std::string& name) {
  if (tuner == "vpt_deep" || tuner == "vpt_shallow") return "Prompt_Tokens";
  const auto dot = name.find('.'), last = name.rfind('.');
  if (tuner == "adapter") return "blocks." + name.substr(0, dot) + ".adaptmlp" + name.substr(dot, last - dot) + "_proj" + name.substr(last);
  static const std::map<std::string, std::pair<std::string, std::string>> kSites = {
      {"patch", {"patch_embed.", "_1"}}, {"norm", {"", "_1"}},  {"norm1", {"", "_1"}},   {"qkv", {"attn.", "_1"}},
      {"proj", {"attn.", "_2"}},         {"norm2", {"", "_2"}}, {"fc1", {"mlp.", "_1"}}, {"fc2", {"mlp.", "_2"}}};
  const bool in_block = dot != last;
  const auto& [place, number] = kSites.at(in_block ? name.substr(dot + 1, last - dot - 1) : name.substr(0, dot));
  return (in_block ? "blocks." + name.substr(0, dot) + "." : "") + place + "ssf_" + name.substr(last + 1) + number;
}

TEST(Aper, PrototypesAndLogitsEqualTheReference) {
  CLB_GOLDEN(g, "aper");
  const BenchWeights weights = weights_of(g);
  const clb::nn::Vit vit = vit_of(weights);
  const Tensor images = g["train_images"], labels = g["train_labels"], test = g["test_images"];
  const int64_t first = (labels < g.config()["n0"].get<int64_t>()).sum().item<int64_t>(), all = labels.size(0);
  const auto part = [&](int64_t from, int64_t to) {
    const Tensor some = images.slice(0, from, to);
    return Samples{.features = vit.query(some), .images = some, .labels = labels.slice(0, from, to)};
  };
  for (const std::string tuner : kTuners) {
    if (tuner == "finetune") continue;  // the fixture has no second branch for it
    const clb::nn::TunerOptions options{.tuner = tuner, .prompt_length = g.config()["P"], .bottleneck = g.config()["r"]};
    Bench bench({{"tuner", choice(tuner.c_str())},
                 {"prompt_length", value(options.prompt_length)},
                 {"bottleneck", value(options.bottleneck)},
                 {"epochs", value(int64_t{0})},
                 {"batch_size", value(int64_t{4})}},
                weights);
    State state(vit, options);
    state.tuned.parameters([&](const std::string& name, Tensor& t) { t = g[tuner + ".param." + reference_name(tuner, name)]; });
    bench.load(clb::testing::saved(state), 1 << 20, 0);
    bench.train(part(0, first), g.config()["n0"]);
    g.close(tuner + ".dual.task0.W", bench.traced.at("prototypes"), 2e-5);
    bench.train(part(first, all), labels.max().item<int64_t>() + 1);
    g.close(tuner + ".dual.task1.W", bench.traced.at("prototypes"), 2e-5);
    const Tensor logits = bench.predict({.features = vit.query(test), .images = test});
    g.close(tuner + ".dual.logits", logits, 3e-6);
    g.close(tuner + ".dual.test_feature", bench.traced.at("feature"), 9e-6);
    bench.predict({.features = vit.query(images), .images = images});
    g.close("ptm.feature", bench.traced.at("feature").narrow(1, 0, vit.dim()), 2e-5);
    g.close(tuner + ".feature", bench.traced.at("feature").narrow(1, vit.dim(), vit.dim()), 3e-5);
  }
}

// Two classes a task, of different brightness.

Samples task(int64_t index) {
  Samples samples = small_task(index);
  samples.features = small_vit().query(samples.images);
  return samples;
}

Settings settings(const std::string& tuner, int64_t epochs) {
  static std::map<std::string, std::string> kept;  // clb_value borrows the text
  const auto& name = kept[tuner] = tuner;
  return {{"tuner", choice(name.c_str())}, {"bottleneck", value(int64_t{4})}, {"epochs", value(epochs)}, {"batch_size", value(int64_t{4})}};
}

clb::nn::TunerOptions options_of(const std::string& tuner) { return {.tuner = tuner, .bottleneck = 4}; }

State state_of(Bench& bench, const std::string& tuner) {
  State state(small_vit(), options_of(tuner));
  clb::testing::load(state, bench.save());
  return state;
}

TEST(Aper, AdaptsInTheFirstTaskAndNeverAgain) {
  for (const std::string tuner : kTuners) {
    Bench bench(settings(tuner, 3), small_weights());
    State fresh(small_vit(), options_of(tuner));
    bench.load(clb::testing::saved(fresh), 1 << 20, 0);
    bench.train(task(0), 2);
    EXPECT_EQ(bench.metrics.at("updates")[0].second, 9) << tuner;
    State once = state_of(bench, tuner);
    const auto before = fresh.tensors(), after = once.tensors();
    for (const auto& [name, t] : after) EXPECT_FALSE(torch::equal(t, before.at(name))) << tuner << " " << name;
    EXPECT_EQ(clb::nn::trained_numbers(once.tuned), 0) << tuner;
    bench.train(task(1), 4);
    EXPECT_FALSE(bench.metrics.contains("updates")) << tuner << ": the second task trains";
    State twice = state_of(bench, tuner);
    for (const auto& [name, t] : twice.tensors()) EXPECT_TRUE(torch::equal(t, after.at(name))) << tuner << " " << name;

    const Tensor logits = bench.predict(task(1));
    Bench again(settings(tuner, 3), small_weights());
    again.load(bench.save(), 64, bench.classes_seen());
    EXPECT_TRUE(torch::equal(again.predict(task(1)), logits)) << tuner;
    EXPECT_EQ(again.save(), bench.save()) << tuner << ": predict changed the state";
  }
}

// An adapter that has not learned changes nothing: both halves are the same, and so is the ranking of SimpleCIL.
TEST(Aper, WithAFreshAdapterItIsSimpleCil) {
  for (const std::string tuner : {"adapter", "finetune", "none"}) {
    Bench bench(settings(tuner, 0), small_weights());
    bench.train(task(0), 2);
    bench.train(task(1), 4);
    const Samples both[] = {task(0), task(1)};
    std::vector<Tensor> means;
    for (int64_t c = 0; c < 4; ++c) {
      const Samples& s = both[c / 2];
      means.push_back(s.features.index_select(0, (s.labels == c).nonzero().squeeze(1)).mean(0));
    }
    for (const Samples& s : both) {
      const Tensor simplecil = clb::nn::unit_rows(s.features).matmul(clb::nn::unit_rows(at::stack(means)).t());
      EXPECT_TRUE(torch::allclose(bench.predict(s), simplecil, 1e-4, 1e-5)) << tuner;
      EXPECT_TRUE(torch::equal(bench.predict(s).argmax(1), simplecil.argmax(1))) << tuner;
    }
  }
}

// Tasks after the first only add prototypes: their order cannot matter.
TEST(Aper, TheOrderOfLaterTasksChangesNothing) {
  const auto train = [&](const std::vector<int64_t>& order) {
    Settings still = settings("adapter", 2);
    still["adapter_dropout"] = value(0.0);  // LibTorch's generator goes on from one bench to the next
    Bench bench(still, small_weights());
    bench.train(task(0), 2);
    for (const int64_t t : order) bench.train(task(t), 6, {2 * t, 2 * t + 1});
    return bench.predict(task(2));
  };
  EXPECT_TRUE(torch::equal(train({1, 2}), train({2, 1})));
}

}  // namespace
