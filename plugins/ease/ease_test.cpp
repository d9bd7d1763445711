// EASE against the released code (fixture "ease"), through the plugin's own table, and the invariants of its chapter.
#include "ease.cpp"

#include "golden/golden.hpp"
#include "nn/golden_modules.hpp"
#include "support/small_vit.hpp"

namespace {

using clb::golden::any_numbers;
using clb::golden::Golden;
using clb::nn::Adapter;
using clb::nn::Vit;
using clb::testing::BenchWeights;
using clb::testing::kSmallVit;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::small_task;
using clb::testing::small_vit;
using clb::testing::small_weights;
using clb::testing::value;
using torch::Tensor;
using Bench = clb::testing::MethodBench<Ease>;

// The reference keeps the projections of queries, keys and values apart, and the MLP in the block.
BenchWeights weights_of(const Golden& g) {
  BenchWeights weights{.tensors = {}, .heads = g.config()["num_heads"]};
  for (const auto& [name, t] : g.with_prefix("ptm.param.")) {
    std::string timm = name;
    if (const auto fc = timm.find(".fc"); fc != std::string::npos) timm.insert(fc, ".mlp");
    if (const auto q = timm.find("q_proj."); q != std::string::npos) {
      std::vector<Tensor> rows;
      for (const char* part : {"q", "k", "v"}) rows.push_back(g["ptm.param." + std::string(timm).replace(q, 1, part)]);
      weights.tensors[std::string(timm).replace(q, 6, "qkv")] = at::cat(rows);
    } else if (timm.find("k_proj.") == std::string::npos && timm.find("v_proj.") == std::string::npos) {
      weights.tensors[timm] = t;
    }
  }
  return weights;
}

Vit vit_of(const BenchWeights& weights) { return Vit(weights.tensors, {.heads = weights.heads}); }

// "0.down.weight" -> "0.down_proj.weight"
std::string reference_name(const std::string& name) {
  const auto last = name.rfind('.');
  return name.substr(0, last) + "_proj" + name.substr(last);
}

Adapter adapter_of(const Golden& g, const Vit& vit, int64_t k) {
  Adapter adapter(vit.shape(), {.bottleneck = g.config()["r"]}, any_numbers());
  adapter.parameters(
      [&](const std::string& name, Tensor& t) { t = g["adapter" + std::to_string(k) + "." + reference_name(name)].requires_grad_(); });
  return adapter;
}

// The plugin's state as its members.
struct State {
  std::vector<Adapter> adapters;
  std::vector<int64_t> behind;
  Tensor sums, counts, classifier;
  clb::Task task;
  std::function<Adapter()> make;

  void state(clb::Archive& a) {
    task.state(a);
    a("adapters", adapters, make)("behind", behind)("sums", sums)("counts", counts)("classifier", classifier);
  }
};

Samples samples(const Vit& vit, const Tensor& images, const Tensor& labels = {}) {
  return {.features = vit.query(images), .images = images, .labels = labels};
}

// Adapters come from the fixture: with adapter_num of them in the state, none is trained.
void check_run(Golden& g, bool ptm) {
  const std::string run = ptm ? "ptm_block." : "plain.";
  const BenchWeights weights = weights_of(g);
  const Vit vit = vit_of(weights);
  State state;
  state.make = [&] { return adapter_of(g, vit, 0); };
  int64_t seen = 0;
  for (int64_t k = 0; k < static_cast<int64_t>(g.config()["tasks"].size()); ++k) {
    state.adapters.push_back(adapter_of(g, vit, k));
    clb::nn::freeze(state.adapters.back());
    const auto bench_with = [&](bool reweight) {
      return std::make_unique<Bench>(Settings{{"bottleneck", value(g.config()["r"].get<int64_t>())},
                                              {"adapter_num", value(k + 1)},
                                              {"use_init_ptm", value(ptm)},
                                              {"use_reweight", value(reweight)},
                                              {"alpha", value(g.config()["alpha"].get<double>())},
                                              {"beta", value(g.config()["beta"].get<double>())},
                                              {"batch_size", value(int64_t{4})}},
                                     weights);
    };
    const auto bench = bench_with(true);
    bench->load(clb::testing::saved(state), 1 << 20, seen);
    const std::string task = "task" + std::to_string(k) + ".", at = run + task;
    const Tensor labels = g[task + "labels"];
    const std::vector<int64_t> own = [&] {
      std::vector<int64_t> list;
      for (int64_t c = seen; c <= labels.max().item<int64_t>(); ++c) list.push_back(c);
      return list;
    }();
    seen += static_cast<int64_t>(own.size());
    bench->train(samples(vit, g[task + "images"], labels), seen, own);
    g.close(at + "W_real", bench->traced.at("prototypes"), 3e-5);
    g.close(at + "W", bench->traced.at("classifier"), 3e-5);
    for (int64_t i = 0; i < k; ++i)
      for (int64_t j = i + 1; j <= k; ++j) {
        const std::string pair = "." + std::to_string(i) + "." + std::to_string(j);
        g.close(at + "sim" + pair, bench->traced.at("similarity" + pair), 2e-5);
        g.close(at + "S" + pair, bench->traced.at("weights" + pair), 3e-6);
        EXPECT_LE((bench->traced.at("weights" + pair).sum(1) - 1).abs().max().item<double>(), 1e-6);
      }
    const Samples test = samples(vit, g["test_images"]);
    g.close(at + "logits", bench->predict(test), 2e-5);
    g.close(at + "feat", bench->traced.at("features"), 5e-5);
    const auto plain = bench_with(false);
    plain->load(bench->save(), 1 << 20, seen);
    g.close(at + "logits_plain", plain->predict(test), 3e-5);
    clb::testing::load(state, bench->save());
  }
}

// The loss of the k-th adapter set under the fixture's proxy head, and its gradients.
void check_proxy(Golden& g, int64_t k) {
  const Vit vit = vit_of(weights_of(g));
  const std::string task = "task" + std::to_string(k) + ".", at = task + "proxy.";
  Adapter adapter = adapter_of(g, vit, k);
  clb::nn::CosineHead head({.dim = vit.dim()}, any_numbers());
  const Tensor labels = g[task + "labels"];
  head.grow(g[at + "W"].size(0));
  head.parameters([&](const std::string& name, Tensor& t) {
    if (name == "weight") t = g[at + "W"].requires_grad_();
  });
  std::vector<int64_t> own;
  for (int64_t c = labels.min().item<int64_t>(); c <= labels.max().item<int64_t>(); ++c) own.push_back(c);
  const Tensor features = vit.cls(g[task + "images"], adapter), loss = proxy_loss(head, features, labels, own);
  g.close(at + "logits", head(features), 2e-5);
  g.close(at + "loss", loss.reshape({1}), 4e-6);
  loss.backward();
  adapter.parameters([&](const std::string& name, Tensor& t) { g.close(at + "grad." + reference_name(name), t.grad(), 8e-7); });
  head.parameters([&](const std::string& name, Tensor& t) { g.close(at + "grad.proxy." + name, t.grad(), 8e-7); });
}

TEST(Ease, EqualsTheReference) {
  CLB_GOLDEN(g, "ease");
  check_run(g, false);
  check_run(g, true);
  const auto tasks = static_cast<int64_t>(g.config()["tasks"].size());
  std::vector<std::string> inputs{"ptm.param.", "adapter", "test_images"};
  for (int64_t k = 0; k < tasks; ++k) {
    check_proxy(g, k);
    const std::string task = "task" + std::to_string(k) + ".";
    for (const char* name : {"images", "labels", "proxy.W"}) inputs.push_back(task + name);
  }
  g.expect_all_compared(inputs);
}

// Two classes of six images a task.

Samples task(int64_t index) {
  const Samples plain = small_task(index);
  return samples(small_vit(), plain.images, plain.labels);
}

// Without dropout: LibTorch's generator goes on from one bench to the next.
Settings settings(const Settings& changes = {}) {
  Settings all{{"bottleneck", value(int64_t{4})},
               {"epochs", value(int64_t{2})},
               {"batch_size", value(int64_t{4})},
               {"lr", value(0.5)},
               {"adapter_dropout", value(0.0)}};
  for (const auto& [name, v] : changes) all[name] = v;
  return all;
}

Adapter fresh_adapter() { return {kSmallVit, {.bottleneck = 4}, any_numbers()}; }

State state_of(Bench& bench) {
  State state;
  state.make = fresh_adapter;
  clb::testing::load(state, bench.save());
  return state;
}

std::vector<Tensor> tensors(Adapter& adapter) {
  std::vector<Tensor> all;
  adapter.parameters([&](const std::string&, Tensor& t) { all.push_back(t.detach().clone()); });
  return all;
}

int64_t numbers(const std::vector<Tensor>& all) {
  int64_t count = 0;
  for (const Tensor& t : all) count += t.numel();
  return count;
}

void train(Bench& bench, int64_t tasks) {
  for (int64_t t = 0; t < tasks; ++t) bench.train(task(t), 2 * t + 2);
}

TEST(Ease, ASetOfAdaptersPerTaskThatNeverChangesAgain) {
  Bench bench(settings(), small_weights());
  std::vector<std::vector<Tensor>> before;
  for (int64_t t = 0; t < 3; ++t) {
    bench.train(task(t), 2 * t + 2);
    EXPECT_EQ(bench.metrics.at("updates")[0].second, 6);
    State state = state_of(bench);
    ASSERT_EQ(state.adapters.size(), static_cast<size_t>(t + 1));
    EXPECT_EQ(numbers(tensors(state.adapters.back())), 2 * (2 * 24 * 4 + 4 + 24));
    EXPECT_EQ(clb::nn::trained_numbers(state.adapters.back()), 0);
    for (size_t k = 0; k < before.size(); ++k) {
      const auto now = tensors(state.adapters[k]);
      for (size_t i = 0; i < now.size(); ++i) EXPECT_TRUE(torch::equal(now[i], before[k][i])) << k;
    }
    before.push_back(tensors(state.adapters.back()));
    EXPECT_GT(before.back()[2].abs().max().item<double>(), 0) << "the adapter of task " << t << " has not learned";
    bench.predict(task(0));
    EXPECT_EQ(bench.traced.at("features").size(1), 24 * (t + 1));
  }
}

// The blocks of a class's own and earlier subspaces are its means, whatever comes later.
TEST(Ease, RealPrototypesAreNeverOverwrittenAndOthersAre) {
  Bench bench(settings(), small_weights());
  train(bench, 2);
  const Tensor two = state_of(bench).classifier;
  bench.train(task(2), 6);
  const State state = state_of(bench);
  const Tensor means = (state.sums.view({6, 3, 24}) / state.counts.clamp_min(1).unsqueeze(2)).to(torch::kFloat32);
  for (int64_t c = 0; c < 6; ++c)
    for (int64_t j = 0; j < 3; ++j) {
      EXPECT_EQ(state.counts[c][j].item<double>() > 0, j <= c / 2);
      const Tensor block = state.classifier[c][j];
      EXPECT_GT(block.abs().max().item<double>(), 0) << c << " " << j;
      EXPECT_EQ(torch::equal(block, means[c][j]), j <= c / 2) << c << " " << j;
    }
  EXPECT_FALSE(torch::equal(state.classifier[0][1], two[0][1])) << "the complement is made anew with the classes of task 2";

  Bench once(settings({{"recalc_sim", value(false)}}), small_weights());
  train(once, 3);
  EXPECT_TRUE(torch::equal(state_of(once).classifier[0][1], two[0][1]));
  EXPECT_FALSE(torch::equal(state_of(once).classifier[0][2], torch::zeros(24)));
}

// With one class on either side there is nothing to weigh: the older class stands where the newer one does.
TEST(Ease, ASingleClassLendsItsPlace) {
  Bench bench(settings(), small_weights());
  for (int64_t c = 0; c < 2; ++c) {
    const Samples of_task = task(0);
    const Tensor rows = (of_task.labels == c).nonzero().squeeze(1);
    bench.train(of_task.rows(rows), c + 1);
  }
  const Tensor classifier = state_of(bench).classifier;
  EXPECT_TRUE(torch::allclose(classifier[0][1], classifier[1][1], 1e-6, 1e-7));
  EXPECT_FALSE(torch::allclose(classifier[0][0], classifier[1][0], 1e-3, 1e-3));
}

TEST(Ease, OneTaskIsACosineToItsMeans) {
  Bench bench(settings(), small_weights());
  bench.train(task(0), 2);
  const Tensor logits = bench.predict(task(0)), features = bench.traced.at("features");
  std::vector<Tensor> means;
  for (int64_t c = 0; c < 2; ++c) means.push_back(features.index_select(0, (task(0).labels == c).nonzero().squeeze(1)).mean(0));
  EXPECT_TRUE(torch::allclose(logits, clb::nn::unit_rows(features).matmul(clb::nn::unit_rows(at::stack(means)).t()), 1e-5, 1e-5));
}

TEST(Ease, WithoutAlphaEachClassIsScoredInItsOwnSubspace) {
  Bench bench(settings({{"alpha", value(0.0)}}), small_weights());
  train(bench, 3);
  const Tensor logits = bench.predict(task(1)), features = bench.traced.at("features").view({12, 3, 24});
  const Tensor classifier = state_of(bench).classifier;
  for (int64_t c = 0; c < 6; ++c) {
    const Tensor own = clb::nn::unit_rows(features.select(1, c / 2)).matmul(clb::nn::unit_rows(classifier[c][c / 2]));
    EXPECT_TRUE(torch::allclose(logits.select(1, c), own, 1e-5, 1e-5)) << c;
  }
}

// Adapters that have not learned: every subspace is the network's, and without alpha the method is SimpleCIL.
TEST(Ease, UntrainedItIsSimpleCil) {
  Bench bench(settings({{"alpha", value(0.0)}, {"epochs", value(int64_t{0})}}), small_weights());
  train(bench, 3);
  std::vector<Tensor> means;
  for (int64_t c = 0; c < 6; ++c) {
    const Samples s = task(c / 2);
    means.push_back(s.features.index_select(0, (s.labels == c).nonzero().squeeze(1)).mean(0));
  }
  for (int64_t t = 0; t < 3; ++t) {
    const Tensor simplecil = clb::nn::unit_rows(task(t).features).matmul(clb::nn::unit_rows(at::stack(means)).t());
    EXPECT_TRUE(torch::allclose(bench.predict(task(t)), simplecil, 1e-4, 1e-5));
    EXPECT_TRUE(torch::equal(bench.predict(task(t)).argmax(1), simplecil.argmax(1)));
  }
}

TEST(Ease, WithoutAnOldAdapterPredictionsChange) {
  Bench bench(settings(), small_weights()), without(settings(), small_weights());
  train(bench, 3);
  State state = state_of(bench);
  state.adapters[0] = fresh_adapter();  // changes nothing in the network
  without.load(clb::testing::saved(state), 1 << 20, bench.classes_seen());
  EXPECT_GT((bench.predict(task(0)) - without.predict(task(0))).abs().max().item<double>(), 1e-4);
}

// The host computes an image's features once for each adapter: one pass more for each task.
TEST(Ease, APassPerSubspaceAndContentsThatStay) {
  Bench bench(settings({{"use_init_ptm", value(true)}}), small_weights());
  std::map<std::string, std::pair<int64_t, std::string>> before;
  for (int64_t t = 0; t < 3; ++t) {
    bench.train(task(t), 2 * t + 2);  // 12 images
    bench.extractions = 0;
    bench.predict(task(0));
    EXPECT_EQ(bench.extractions, 12 * (t + 1));
    EXPECT_EQ(bench.registered.size(), static_cast<size_t>(t + 1));
    for (const auto& [kind, content] : before) EXPECT_EQ(bench.registered.at(kind), content) << kind;
    before = bench.registered;
  }
}

// The ablation "first adapter only", and the published setting of OmniBenchmark.
TEST(Ease, OnlyTheFirstTasksMayTrain) {
  Bench bench(settings({{"adapter_num", value(int64_t{1})}, {"use_init_ptm", value(true)}, {"use_reweight", value(false)}}),
              small_weights());
  train(bench, 2);
  EXPECT_FALSE(bench.metrics.contains("updates"));
  const Tensor logits = bench.predict(task(0));
  EXPECT_EQ(bench.traced.at("features").size(1), 48);
  EXPECT_TRUE(torch::allclose(bench.traced.at("features").narrow(1, 0, 24), task(0).features));
  const State state = state_of(bench);
  EXPECT_EQ(state.adapters.size(), 1u);
  EXPECT_EQ(state.counts.min().item<double>(), 6) << "all prototypes are real";

  Bench first(settings({{"adapter_num", value(int64_t{1})}}), small_weights());
  train(first, 2);
  const Tensor one = first.predict(task(0)), features = first.traced.at("features");
  EXPECT_TRUE(
      torch::allclose(one, clb::nn::unit_rows(features).matmul(clb::nn::unit_rows(state_of(first).classifier.flatten(1)).t()), 1e-5, 1e-5));
}

TEST(Ease, SavedStatePredictsAndLearnsOnTheSame) {
  Bench bench(settings(), small_weights()), again(settings(), small_weights());
  train(bench, 2);
  const Tensor logits = bench.predict(task(0));
  again.load(bench.save(), 64, bench.classes_seen());
  EXPECT_TRUE(torch::equal(again.predict(task(0)), logits));
  EXPECT_EQ(again.save(), bench.save()) << "predict changed the state";
  bench.train(task(2), 6);
  again.train(task(2), 6);
  EXPECT_EQ(state_of(again).behind, state_of(bench).behind);
  EXPECT_EQ(again.predict(task(0)).sizes(), bench.predict(task(0)).sizes());
}

}  // namespace
