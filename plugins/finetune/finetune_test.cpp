// Fine-tuning: which parameters move, what the loss sees, what is saved.
#include "finetune.cpp"

#include "golden/golden.hpp"
#include "support/method_bench.hpp"

namespace {

using clb::nn::Vit;
using clb::testing::BenchWeights;
using clb::testing::choice;
using clb::testing::Samples;
using clb::testing::Settings;
using clb::testing::text;
using clb::testing::value;
using torch::Tensor;
using Bench = clb::testing::MethodBench<Finetune>;

BenchWeights weights() {
  return {.tensors = clb::nn::random_vit({.image = 16, .patch = 8, .dim = 24, .depth = 2, .heads = 3, .mlp = 48}, 1), .heads = 3};
}

Samples task(int64_t index) {  // two classes of six images
  const auto generator = at::detail::createCPUGenerator(static_cast<uint64_t>(index));
  const Tensor labels = torch::arange(12).remainder(2) + 2 * index;
  return {.features = {}, .images = at::rand({12, 3, 16, 16}, generator) + 0.2 * labels.reshape({12, 1, 1, 1}), .labels = labels};
}

Settings settings(const Settings& changes = {}) {
  Settings all{{"epochs", value(int64_t{3})}, {"batch_size", value(int64_t{4})}, {"lr", value(0.05)}};
  for (const auto& [name, v] : changes) all[name] = v;
  return all;
}

// The state's members, read back through the archive.
struct State {
  Vit vit{weights().tensors, {.heads = 3}};
  clb::nn::Part part;
  clb::nn::GrowingLinear head{{.dim = 24}, {}};
  clb::Task task;

  explicit State(const std::vector<std::string>& prefixes) : part(vit, prefixes) {}
  void state(clb::Archive& a) {
    task.state(a);
    a("network", part)("head", head);
  }
  std::map<std::string, Tensor> tensors(clb::nn::Module& module) {
    std::map<std::string, Tensor> found;
    module.parameters([&](const std::string& name, Tensor& t) { found[name] = t.detach().clone(); });
    return found;
  }
};

TEST(Finetune, TrainsWhatItIsToldTo) {
  const struct {
    Settings settings;
    std::vector<std::string> prefixes;
    size_t tensors;
  } cases[] = {{{}, {""}, 4 + 2 * 12 + 2},
               {{{"train", choice("parts")}, {"parts", text("blocks.1.mlp.,norm.")}}, {"blocks.1.mlp.", "norm."}, 6},
               {{{"train", choice("head")}}, {}, 0}};
  for (const auto& c : cases) {
    Bench bench(settings(c.settings), weights());
    Samples first = task(0);
    State fresh({""}), trained(c.prefixes);
    bench.train(first, 2);
    clb::testing::load(trained, bench.save());
    const auto before = fresh.tensors(fresh.vit), after = trained.tensors(trained.part);
    EXPECT_EQ(after.size(), c.tensors);
    for (const auto& [name, t] : after) EXPECT_FALSE(torch::equal(t, before.at(name))) << name;
    EXPECT_LT(bench.metrics.at("loss").back().second, bench.metrics.at("loss").front().second);
    EXPECT_EQ(bench.metrics.at("updates")[0].second, 9);
    EXPECT_EQ(bench.metrics.at("images_x_epochs")[0].second, 36);

    first.features = Vit(weights().tensors, {.heads = 3}).query(first.images);
    const Tensor logits = bench.predict(first);
    EXPECT_TRUE(torch::allclose(logits, trained.head(trained.vit.cls(first.images)), 1e-4, 1e-5));
    Bench again(settings(c.settings), weights());
    again.load(bench.save(), 64, bench.classes_seen());
    EXPECT_TRUE(torch::equal(again.predict(first), logits)) << "a loaded state predicts something else";
    EXPECT_EQ(again.save(), bench.save()) << "predict changed the state";
  }
}

// With the loss over the task's classes the rows of old classes have a gradient of exactly zero; without decay they stay.
TEST(Finetune, OldRowsOfTheHeadStayUnlessOldClassesCompete) {
  for (const bool compete : {false, true}) {
    Bench bench(settings({{"train", choice("head")}, {"weight_decay", value(0.0)}, {"loss_over", choice(compete ? "seen" : "task")}}),
                weights());
    State before({}), after({});
    bench.train(task(0), 2);
    clb::testing::load(before, bench.save());
    bench.train(task(1), 4);
    clb::testing::load(after, bench.save());
    const Tensor old = before.tensors(before.head)["weight"], now = after.tensors(after.head)["weight"].narrow(0, 0, 2);
    EXPECT_EQ(torch::equal(old, now), !compete);
  }
}

// LAMDA-PILOT: init_epoch, init_lr, init_weight_decay.
TEST(Finetune, TheFirstTaskMayHaveItsOwnSettings) {
  Bench own(settings({{"init_epochs", value(int64_t{5})}, {"init_lr", value(0.02)}, {"init_weight_decay", value(0.1)}}), weights());
  Bench plain(settings({{"epochs", value(int64_t{5})}, {"lr", value(0.02)}, {"weight_decay", value(0.1)}}), weights());
  Bench other(settings({{"epochs", value(int64_t{5})}, {"lr", value(0.02)}}), weights());
  for (Bench* bench : {&own, &plain, &other}) bench->train(task(0), 2);
  EXPECT_EQ(own.save(), plain.save());
  EXPECT_NE(own.save(), other.save()) << "the decay is not used";
  EXPECT_EQ(own.metrics.at("updates")[0].second, 15);
  own.train(task(1), 4);
  EXPECT_EQ(own.metrics.at("updates")[0].second, 9);
}

TEST(Finetune, NamesPartsThatTheNetworkDoesNotHave) {
  try {
    Bench(settings({{"train", choice("parts")}, {"parts", text("layers.3.")}}), weights());
    ADD_FAILURE();
  } catch (const clb::PluginError& e) {
    EXPECT_NE(std::string(e.what()).find("layers.3."), std::string::npos) << e.what();
  }
}

}  // namespace
