// The recipes and experiments that ship: they are read without a mistake and say what their sources say.
#include "plan_fixture.hpp"

namespace clb::plan::testing {
namespace {

const fs::path kShare = fs::path(CLB_SOURCE_DIR) / "share";

class Shipped : public PlanTest {
 protected:
  struct Transforms {
    base::TransformRecipe train, eval;
  };

  Transforms transforms(const std::string& recipe, const std::string& dataset) {
    write("good.toml", "[dataset]\nid = \"" + dataset +
                           "\"\n[weights.main]\nrandom = {}\n[protocol]\nsplit = \"B0-Inc10\"\norder = \"pilot\"\n" +
                           "eval_transform = \"" + recipe + "\"\n[[method]]\nid = \"simplecil\"\n");
    PlanOptions shipped = options();
    shipped.share = kShare;
    const base::RunSpec run = make_plan(shipped, catalogue_).runs.at(0);
    return {run.method.train_transform, run.protocol.eval_transform};
  }

  base::RunSpec run(const std::string& experiment, const std::vector<std::string>& overrides) {
    return make_plan({kShare / "experiments" / (experiment + ".toml"), overrides, kShare, 2}, catalogue_).runs.at(0);
  }
};

using Doubles = std::array<double, 3>;
constexpr Doubles kNoMean{0, 0, 0}, kNoStd{1, 1, 1}, kImageNetMean{0.485, 0.456, 0.406}, kImageNetStd{0.229, 0.224, 0.225};

TEST_F(Shipped, EveryRecipeIsPillowsAndComplete) {
  int recipes = 0;
  for (const auto& entry : fs::directory_iterator(kShare / "recipes")) {
    for (const std::string dataset : {"cifar100", "fashion_mnist"}) {
      SCOPED_TRACE(entry.path().string() + " " + dataset);
      const Transforms t = transforms(entry.path().stem().string(), dataset);
      EXPECT_EQ(t.train.resampler, "pil");
      EXPECT_EQ(t.eval.resampler, "pil");
      EXPECT_EQ(t.train.mean, t.eval.mean);
      EXPECT_EQ(t.train.std, t.eval.std);
      EXPECT_EQ(t.train.output_size(), t.eval.output_size());
    }
    ++recipes;
  }
  EXPECT_EQ(recipes, 18);
}

TEST_F(Shipped, PilotAndCoda) {
  const Transforms pilot = transforms("pilot", "cifar100"), coda = transforms("coda", "cifar100"),
                   other = transforms("coda", "fashion_mnist");
  EXPECT_EQ(pilot.train.random_resized_crop, 224);
  EXPECT_EQ(pilot.train.scale, (std::array<double, 2>{0.05, 1}));
  EXPECT_EQ(pilot.train.interpolation, "bilinear");
  EXPECT_EQ(pilot.train.flip, 0.5);
  EXPECT_EQ(pilot.eval.resize, 256);
  EXPECT_EQ(pilot.eval.center_crop, 224);
  EXPECT_EQ(pilot.eval.interpolation, "bicubic");
  EXPECT_EQ(pilot.eval.mean, kNoMean);
  EXPECT_EQ(pilot.eval.std, kNoStd);
  EXPECT_EQ(coda.train.scale, (std::array<double, 2>{0.08, 1}));
  EXPECT_EQ(coda.eval.resize, 224);
  EXPECT_EQ(coda.eval.center_crop, 0);
  EXPECT_EQ(other.eval.resize, 256);
  EXPECT_EQ(other.eval.center_crop, 224);
  EXPECT_EQ(other.eval.interpolation, "bilinear");
}

TEST_F(Shipped, LaeAndEsn) {
  const Transforms lae = transforms("lae", "cifar100"), esn = transforms("esn", "cifar100"), other = transforms("esn", "fashion_mnist"),
                   five = transforms("esn-five", "fashion_mnist");
  constexpr std::array<double, 4> kBrightness{63.0 / 255.0, 0, 0, 0}, kNone{0, 0, 0, 0};
  for (const Transforms* each : {&lae, &esn, &other, &five}) {
    EXPECT_EQ(each->train.random_resized_crop, 224);
    EXPECT_EQ(each->train.scale, (std::array<double, 2>{0.08, 1}));
    EXPECT_EQ(each->eval.resize, 256);
    EXPECT_EQ(each->eval.center_crop, 224);
    EXPECT_EQ(each->eval.interpolation, "bilinear");
    EXPECT_EQ(each->eval.mean, each == &lae ? kNoMean : kImageNetMean);
    EXPECT_EQ(each->train.jitter, each == &esn || each == &five ? kBrightness : kNone);
  }
  EXPECT_EQ(esn.train.resize, 256);
  EXPECT_EQ(five.train.resize, 224);
  EXPECT_EQ(other.train.resize, 0);
}

TEST_F(Shipped, HideAndSlcaHaveVariantsForCifar) {
  for (const std::string recipe : {"hide", "slca"}) {
    const Transforms cifar = transforms(recipe, "cifar100");
    EXPECT_EQ(cifar.train.jitter, (std::array<double, 4>{63.0 / 255.0, 0, 0, 0})) << recipe;
    EXPECT_EQ(cifar.train.interpolation, "bicubic") << recipe;
    EXPECT_EQ(cifar.eval.mean, (Doubles{0.5071, 0.4867, 0.4408})) << recipe;
    EXPECT_EQ(cifar.eval.std, (Doubles{0.2675, 0.2565, 0.2761})) << recipe;
  }
  EXPECT_EQ(transforms("hide", "fashion_mnist").eval.mean, kNoMean);
  EXPECT_EQ(transforms("slca", "fashion_mnist").eval.mean, kImageNetMean);
  EXPECT_EQ(transforms("slca", "fashion_mnist").train.jitter, (std::array<double, 4>{}));
}

TEST_F(Shipped, TheOthers) {
  const Transforms jax = transforms("l2p-jax", "cifar100"), vpt = transforms("vpt", "cifar100"), deit = transforms("deit-224", "cifar100"),
                   small = transforms("small-112", "cifar100");
  EXPECT_TRUE(jax.train.resize_square && jax.train.resize == 256 && jax.train.random_resized_crop == 224 && jax.train.scale[0] == 0.05);
  EXPECT_TRUE(vpt.train.resize == 256 && vpt.train.random_crop == 224 && vpt.train.flip == 0.5 && vpt.eval.center_crop == 224);
  EXPECT_EQ(vpt.eval.mean, kImageNetMean);
  EXPECT_TRUE(deit.train.random_resized_crop == 224 && deit.train.scale[0] == 0.08 && deit.train.flip == 0.5 && deit.eval.resize == 224);
  EXPECT_EQ(deit.eval.std, kImageNetStd);
  EXPECT_TRUE(small.train.resize == 112 && !small.train.random() && small.eval.resize == 112);
  EXPECT_EQ(small.eval.interpolation, "bicubic");
}

TEST_F(Shipped, ExperimentsResolve) {
  const fs::path data = fs::path(CLB_SOURCE_DIR) / "../shared/data";
  if (!fs::exists(data)) GTEST_SKIP() << "SKIPPED: 4 experiments need " << data.lexically_normal() << ", which is absent";
  const base::RunSpec deit = run("cifar100_deit_tiny", {}), full = run("cifar100_full", {}), pilot = run("pilot_simplecil", {}),
                      small = run("small", {});
  EXPECT_TRUE(fs::equivalent(deit.dataset.root, data / "cifar-100-binary"));
  EXPECT_EQ(deit.dataset.train_per_class, 50);
  EXPECT_EQ(deit.protocol.task_sizes.size(), 10u);
  EXPECT_EQ(full.dataset.train_per_class, 0);
  EXPECT_EQ(full.weights[0].sha256, deit.weights[0].sha256);
  EXPECT_EQ(pilot.dataset.test_per_class, 10);
  EXPECT_EQ(pilot.protocol.eval_transform.name, "pilot");
  EXPECT_EQ(small.protocol.stop_after, 5);
  EXPECT_EQ(small.protocol.eval_transform.name, "small-112");
}

TEST_F(Shipped, MovedExperimentSaysWhatToGive) {
  fs::create_directories(folder_ / "installed/share/clbench");
  fs::copy(kShare / "experiments", folder_ / "installed/share/clbench/experiments", fs::copy_options::recursive);
  const PlanOptions moved{folder_ / "installed/share/clbench/experiments/small.toml", {}, kShare, 2};
  try {
    make_plan(moved, catalogue_);
    FAIL() << "expected an Error";
  } catch (const base::Error& error) {
    EXPECT_NE(std::string(error.what()).find("no such folder"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("--set dataset.root=DIR"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace clb::plan::testing
