// What a good experiment becomes: values, grids, overrides, presets, keys.
#include <set>

#include "plan_fixture.hpp"

namespace clb::plan::testing {
namespace {

TEST_F(PlanTest, EveryValueArrives) {
  const Plan made = plan(kGood);
  EXPECT_EQ(made.name, "good");
  EXPECT_TRUE(made.warnings.empty());
  ASSERT_EQ(made.runs.size(), 6u);  // top_k 2 x seed 3
  const base::RunSpec& run = made.runs[4];
  EXPECT_EQ(run.experiment, "good");
  EXPECT_EQ(run.seed, 1);
  EXPECT_EQ(run.precision, "fp32");
  EXPECT_EQ(run.device, "auto");
  EXPECT_EQ(run.threads, 2);
  EXPECT_EQ(run.checkpoint, "every");
  EXPECT_EQ(run.track, "common");
  EXPECT_EQ(run.execution.loader_threads, 1);
  EXPECT_EQ(run.execution.store_limit, 4'000'000'000);
  EXPECT_TRUE(run.execution.run_dir.empty() && run.execution.cache_dir.empty());
  EXPECT_EQ(run.dataset.id, "cifar100");
  EXPECT_EQ(run.dataset.root, (folder_ / "cifar").string());
  EXPECT_EQ(run.dataset.file, "/plugins/cifar100.so");
  EXPECT_EQ(run.dataset.fingerprint, "fingerprint of cifar100");
  EXPECT_EQ(run.dataset.train_per_class, 40);
  EXPECT_EQ(run.dataset.test_per_class, 20);
  ASSERT_EQ(run.weights.size(), 1u);
  EXPECT_EQ(run.weights[0].role, "main");
  EXPECT_EQ(run.weights[0].file, (folder_ / "vit.safetensors").string());
  EXPECT_EQ(run.weights[0].heads, 3);
  EXPECT_EQ(run.protocol.split, "B0-Inc10");
  EXPECT_EQ(run.protocol.order, "pilot");
  EXPECT_EQ(run.protocol.class_order[0], 68);  // representation 2.1
  EXPECT_EQ(run.protocol.task_sizes, std::vector<int64_t>(10, 10));
  EXPECT_EQ(run.protocol.stop_after, 5);
  EXPECT_EQ(run.protocol.test_batch_size, 64);
  EXPECT_EQ(run.protocol.eval_transform.name, "plain");
  EXPECT_EQ(run.protocol.eval_transform.resize, 32);
  EXPECT_EQ(run.method.id, "l2p");
  EXPECT_EQ(run.method.preset, "small");
  EXPECT_EQ(run.method.params,
            (base::Json{
                {"top_k", 5}, {"feature", "prompt_mean"}, {"batch_vote_test", false}, {"milestones", {3, 4}}, {"lr", 0.5}, {"note", ""}}));
  EXPECT_EQ(run.method.train_transform.name, "crop");
  EXPECT_EQ(run.method.train_transform.random_crop, 32);  // the variant of cifar100, in place of [train]
  EXPECT_EQ(run.method.train_transform.flip, 0);
  EXPECT_EQ(base::RunSpec::from_json(run.to_json(), "run").to_json(), run.to_json());
}

// A parameter that an old method got: at its neutral value a run is what it always was.
TEST_F(PlanTest, ANeutralParameterChangesNoRun) {
  const auto keys = [&](const std::vector<std::string>& overrides = {}) {
    std::vector<std::string> list;
    for (const base::RunSpec& run : plan(kGood, overrides).runs) list.push_back(run.key());
    return list;
  };
  const std::vector<std::string> before = keys();
  base::ParamInfo added = param("smoothing", "float", 0, 0, 1);
  added.neutral = 0.0;
  catalogue_.more = {added};
  EXPECT_EQ(keys(), before);
  EXPECT_EQ(keys({"method.params.smoothing=0"}), before) << "written out";
  EXPECT_FALSE(plan(kGood).runs[0].method.params.contains("smoothing"));
  EXPECT_NE(keys({"method.params.smoothing=0.5"}), before);
  EXPECT_EQ(plan(kGood, {"method.params.smoothing=[0, 0.5]"}).runs.size(), 2 * before.size());

  catalogue_.more[0].default_value = 0.25;  // on where nobody says otherwise, and neutral when off
  EXPECT_NE(keys(), before);
  EXPECT_EQ(plan(kGood).runs[0].method.params.at("smoothing"), 0.25);
  EXPECT_EQ(keys({"method.params.smoothing=0"}), before);

  catalogue_.more[0].neutral = base::Json();  // none: always written
  EXPECT_NE(keys({"method.params.smoothing=0"}), before);
}

// What a parameter claims and counts is asked of all of them, also of those that are left out.
TEST_F(PlanTest, ANeutralParameterStillClaims) {
  base::ParamInfo added = param("peeks", "bool", true);
  added.neutral = true;
  added.implies = CLB_CAP_BATCH_DEPENDENT;
  added.implied_when = true;
  catalogue_.more = {added};
  EXPECT_TRUE(plan(kGood).runs[0].method.capabilities & CLB_CAP_BATCH_DEPENDENT);
  EXPECT_FALSE(plan(kGood, {"method.params.peeks=false"}).runs[0].method.capabilities & CLB_CAP_BATCH_DEPENDENT);
}

TEST_F(PlanTest, OrderOfRuns) {
  const Plan made = plan(with_line(with_line(kGood, 15, "order = \"seed\""), 16, "order_seed = [3, 4]"));
  std::vector<std::vector<int64_t>> found, expected;
  for (const base::RunSpec& run : made.runs)
    found.push_back({run.method.params.at("top_k").get<int64_t>(), run.protocol.order_seed, run.seed});
  for (int64_t top_k : {0, 5})
    for (int64_t order_seed : {3, 4})
      for (int64_t seed : {0, 1, 2}) expected.push_back({top_k, order_seed, seed});
  EXPECT_EQ(found, expected);
}

TEST_F(PlanTest, GridOfScalarsAndLists) {
  const Plan made = plan(with_line(kGood, 35, "params = { milestones = [[1], [2, 3]], lr = [1, 0.5], feature = \"cls\" }"), {"run.seed=0"});
  std::set<std::string> found;
  for (const base::RunSpec& run : made.runs) found.insert(run.method.params.at("milestones").dump() + run.method.params.at("lr").dump());
  EXPECT_EQ(found, (std::set<std::string>{"[1]1.0", "[1]0.5", "[2,3]1.0", "[2,3]0.5"}));
  EXPECT_EQ(made.runs[0].method.params.at("top_k"), 1);  // the preset's
  const Plan plain = plan(with_line(kGood, 35, "params = { milestones = [7, 8] }"), {"run.seed=0"});
  ASSERT_EQ(plain.runs.size(), 1u);
  EXPECT_EQ(plain.runs[0].method.params.at("milestones"), (base::Json{7, 8}));
}

TEST_F(PlanTest, ImpliedCapabilities) {
  const Plan made = plan(with_line(kGood, 35, "params = { batch_vote_test = [false, true] }"), {"run.seed=0"});
  ASSERT_EQ(made.runs.size(), 2u);
  EXPECT_EQ(made.runs[0].method.capabilities, 0u);
  EXPECT_EQ(made.runs[1].method.capabilities, CLB_CAP_BATCH_DEPENDENT);
}

TEST_F(PlanTest, SeveralDatasetsAndMethods) {
  const std::string text = R"(
[[dataset]]
id = "cifar100"
root = "cifar"
[[dataset]]
id = "fashion_mnist"
[weights.main]
random = { dim = 128, heads = 4 }
[weights.clip]
random = {}
[protocol]
split = "B0-Inc5"
order = "numpy"
order_seed = [0, 1]
eval_transform = "plain"
[[method]]
id = "simplecil"
[[method]]
id = "l2p"
preset = "small"
)";
  const Plan made = plan(text, {"dataset.fashion_mnist.train_per_class=9", "method.l2p.params.top_k=[2,3]"});
  ASSERT_EQ(made.runs.size(), 12u);  // 2 datasets x (1 + 2) x 2 orders
  EXPECT_EQ(made.name, "good");      // from the file
  EXPECT_EQ(made.runs[0].threads, 7);
  EXPECT_EQ(made.runs[0].dataset.train_per_class, 0);
  EXPECT_EQ(made.runs[6].dataset.train_per_class, 9);
  EXPECT_EQ(made.runs[6].dataset.root, "/usr/share/fashion_mnist");
  EXPECT_EQ(made.runs[6].protocol.task_sizes, (std::vector<int64_t>{5, 5}));
  EXPECT_EQ(made.runs[0].method.train_transform.name, "plain");  // of the evaluation transform's recipe
  EXPECT_EQ(made.runs[4].method.params.at("top_k"), 3);
  ASSERT_EQ(made.runs[0].weights.size(), 1u) << "neither method opens clip";
  EXPECT_EQ(made.runs[0].weights[0].random.dim, 128);
}

TEST_F(PlanTest, FeatureDatasetsNeedNoWeightsAndNoTransform) {
  const Plan made =
      plan("[dataset]\nid = \"vectors\"\n[protocol]\nsplit = \"B0-Inc5\"\norder = \"identity\"\n[[method]]\nid = \"simplecil\"\n");
  ASSERT_EQ(made.runs.size(), 1u);
  EXPECT_TRUE(made.runs[0].weights.empty());
  EXPECT_TRUE(made.runs[0].protocol.eval_transform.name.empty());
  EXPECT_EQ(made.runs[0].dataset.modality, "features");
  EXPECT_EQ(made.runs[0].dataset.feature_dim, 64);
  EXPECT_EQ(base::RunSpec::from_json(made.runs[0].to_json(), "run").to_json(), made.runs[0].to_json());
}

TEST_F(PlanTest, ATransformOfTheMethodIsNoneOfAFeatureDatasetsBusiness) {
  const std::string text =
      "[dataset]\nid = \"vectors\"\n[protocol]\nsplit = \"B0-Inc5\"\norder = \"identity\"\n[[method]]\nid = \"simplecil\"\n";
  EXPECT_EQ(plan(text + "train_transform = \"crop\"\n").runs.at(0).key(), plan(text).runs.at(0).key());
}

TEST_F(PlanTest, TheOnlyOfficialOrderGetsItsName) {
  const std::string text =
      "[dataset]\nid = \"vectors\"\n[protocol]\nsplit = \"B0-Inc5\"\norder = \"official\"\n[[method]]\nid = \"simplecil\"\n";
  const base::RunSpec run = plan(text).runs.at(0);
  EXPECT_EQ(run.protocol.order, "official:reading");
  EXPECT_EQ(run.protocol.class_order[0], 1);
}

TEST_F(PlanTest, RepeatedRunsAreLeftOutWithAWarning) {
  const Plan made = plan(with_line(with_line(kGood, 24, "seed = [0, 0]"), 16, "order_seed = [0, 1]"));
  EXPECT_EQ(made.runs.size(), 2u);
  EXPECT_EQ(made.warnings,
            (std::vector<std::string>{(folder_ / "good.toml").string() +
                                          ":16:14: protocol.order_seed changes nothing, because the order \"pilot\" is always the same",
                                      "2 runs are the same as others of this experiment and were left out"}));
}

TEST_F(PlanTest, ValidationSplit) {
  const std::string text = with_line(with_line(kGood, 22, "evaluate_on = \"validation\""), 21, "validation_fraction = 0.25");
  EXPECT_EQ(plan(text).runs[0].protocol.validation_fraction, 0.25);
  // Without it the fraction is unused and may not make another run of it.
  EXPECT_EQ(plan(text, {"protocol.evaluate_on=test"}).runs[0].key(), plan(kGood).runs[0].key());
}

TEST_F(PlanTest, OverridesTakeTomlAndPlainStrings) {
  const Plan made =
      plan(kGood, {"run.seed=[7]", "run.device=cuda:1", "protocol.split=B50-Inc25", "protocol.stop_after = 2", "method.l2p.params.top_k=3",
                   "method.params.note=a b#c", "run.precision=\"tf32\"", "name=other", "run.threads=3", "run.threads=4"});
  ASSERT_EQ(made.runs.size(), 1u);
  const base::RunSpec& run = made.runs[0];
  EXPECT_EQ(made.name, "other");
  EXPECT_EQ(run.seed, 7);
  EXPECT_EQ(run.device, "cuda:1");
  EXPECT_EQ(run.precision, "tf32");
  EXPECT_EQ(run.threads, 4);
  EXPECT_EQ(run.protocol.task_sizes, (std::vector<int64_t>{50, 25, 25}));
  EXPECT_EQ(run.method.params.at("top_k"), 3);
  EXPECT_EQ(run.method.params.at("note"), "a b#c");
}

TEST_F(PlanTest, OverridesThatAreMistakes) {
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"run.sede=1", "--set run.sede=1: unknown key \"sede\" in [run]; did you mean \"seed\"?"},
      {"runs.seed=1", "--set runs.seed=1: unknown key \"runs\" at the top level; did you mean \"run\"?"},
      {"seed=1", "--set seed=1: unknown key \"seed\" at the top level; it belongs in [run]"},
      {"run.seed", "--set run.seed: expected KEY=VALUE with a dotted key, for example run.seed=[0,1]"},
      {"=1", "--set =1: expected KEY=VALUE with a dotted key, for example run.seed=[0,1]"},
      {"run..seed=1", "--set run..seed=1: expected KEY=VALUE with a dotted key, for example run.seed=[0,1]"},
      {"run.seed=[0,1", "--set run.seed=[0,1: the value is not valid TOML"},
      {"run.seed=x", "--set run.seed=x: run.seed must be an integer of at least 0 or a list of them, found the string \"x\""},
      {"run.seed.x=1", "--set run.seed.x=1: seed is a list, not a table"},
      {"name.x.y=1", "--set name.x.y=1: name is the string \"good\", not a table"},
      {"method.l2p=3", "--set method.l2p=3: \"l2p\" is a whole table; name one of its keys"},
      {"method.l2p.params.topk=3", "--set method.l2p.params.topk=3: method l2p has no parameter \"topk\"; did you mean \"top_k\"?"},
      {"dataset.root=/nowhere/at/all",
       "--set dataset.root=/nowhere/at/all: dataset.root: no such folder /nowhere/at/all; give another with --set dataset.root=DIR"},
      {"weights.main.sha256=", "--set weights.main.sha256=: weights.main.sha256 must not be empty"},
  };
  for (const auto& [text, sentence] : mistakes) EXPECT_EQ(mistake(kGood, {text}), sentence);
  const std::string two = kGood + "[[method]]\nid = \"simplecil\"\n";
  EXPECT_EQ(mistake(two, {"method.l3p.params.top_k=3"}),
            "--set method.l3p.params.top_k=3: \"l3p\" is no id of method; they are l2p, simplecil");
}

TEST_F(PlanTest, PathsOfOverridesStartFromTheCurrentFolder) {
  const fs::path before = fs::current_path();
  fs::create_directories(folder_ / "elsewhere/data");
  fs::current_path(folder_ / "elsewhere");
  const Plan made = plan(kGood, {"dataset.root=data"});
  fs::current_path(before);
  EXPECT_EQ(made.runs[0].dataset.root, (folder_ / "elsewhere/data").string());
}

TEST_F(PlanTest, ThroughALinkPathsStartFromTheRealFile) {
  write("good.toml", kGood);
  fs::create_directories(folder_ / "a/b");
  fs::create_symlink(folder_ / "good.toml", folder_ / "a/b/link.toml");
  PlanOptions linked = options();
  linked.experiment = folder_ / "a/b/link.toml";
  EXPECT_EQ(make_plan(linked, catalogue_).runs[0].dataset.root, (folder_ / "cifar").string());
}

TEST_F(PlanTest, MethodSlashPreset) {
  fs::create_directories(folder_ / "share/experiments/cifar");
  write("share/experiments/vit.safetensors", tiny_vit());
  const Plan made = make_plan(preset_options("l2p/small", options({"run.seed=5"})), catalogue_);
  ASSERT_EQ(made.runs.size(), 1u);
  EXPECT_EQ(made.runs[0].method.preset, "small");
  EXPECT_EQ(made.runs[0].method.params.at("top_k"), 1);
  EXPECT_EQ(made.runs[0].method.train_transform.name, "plain");
  EXPECT_EQ(made.runs[0].seed, 5);
  EXPECT_THROW(preset_options("l2p/smal", options()), base::Error);
  EXPECT_THROW(preset_options("l2p", options()), base::Error);
}

TEST_F(PlanTest, KeysDependOnWhatIsComputed) {
  const std::string key = plan(kGood).runs[0].key();
  EXPECT_EQ(plan(kGood).runs[0].key(), key);
  fs::rename(folder_ / "vit.safetensors", folder_ / "renamed.safetensors");
  fs::rename(folder_ / "cifar", folder_ / "moved");
  const std::vector<std::string> moved = {"weights.main.file=" + (folder_ / "renamed.safetensors").string(),
                                          "dataset.root=" + (folder_ / "moved").string()};
  const auto with = [&](const std::string& change) {
    std::vector<std::string> all = moved;
    all.push_back(change);
    return plan(kGood, all).runs[0].key();
  };
  EXPECT_EQ(plan(kGood, moved).runs[0].key(), key);
  for (const std::string same :
       {"name=other", "run.loader_threads=3", "run.store_limit=5", "run.keep_logits=true", "method.params.milestones=[3,4]"})
    EXPECT_EQ(with(same), key) << same;
  for (const std::string other :
       {"method.params.top_k=9", "method.params.lr=0.25", "run.seed=9", "run.threads=3", "run.precision=tf32", "protocol.split=B50-Inc10",
        "protocol.order=identity", "protocol.stop_after=4", "protocol.test_batch_size=32", "protocol.test_batches=class_sorted",
        "protocol.evaluate_on=validation", "dataset.train_per_class=39", "dataset.test_per_class=19", "weights.main.pos_antialias=false",
        "method.train_transform=plain"}) {
    EXPECT_NE(with(other), key) << other;
  }
  // The whole stream, however it is written.
  EXPECT_EQ(with("protocol.stop_after=10"), plan(with_line(kGood, 17, ""), moved).runs[0].key());
}

// What is planned, keyed and stored is what is computed: the form that the processor is fast in. A card has one.
TEST_F(PlanTest, Bfloat16TakesTheFormOfTheProcessor) {
  write("good.toml", kGood);
  const auto planned = [&](const std::string& form, bool has_card, const std::string& device) {
    PlanOptions wanted = options({"run.precision=bf16", "run.device=" + device, "method=[{id=\"simplecil\"}]"});
    wanted.bf16_form = form;
    wanted.has_card = has_card;
    return make_plan(wanted, catalogue_).runs.at(0);
  };
  EXPECT_EQ(planned("bf16_weights", false, "auto").precision, "bf16_weights");
  EXPECT_EQ(planned("bf16_weights", true, "cpu").precision, "bf16_weights");
  EXPECT_EQ(planned("bf16_weights", true, "auto").precision, "bf16");
  EXPECT_EQ(planned("bf16_weights", true, "cuda:1").precision, "bf16");
  EXPECT_EQ(planned("bf16", false, "auto").precision, "bf16");
  EXPECT_NE(planned("bf16_weights", false, "auto").key(), planned("bf16", false, "auto").key());
}

TEST_F(PlanTest, DomainIncrementalOrdersTheDomains) {
  const std::string text =
      "[dataset]\nid = \"vectors\"\n[protocol]\nkind = \"domain\"\norder = [2, 0, 1]\neval_on = \"all\"\nstop_after = 2\n"
      "[[method]]\nid = \"simplecil\"\n";
  const base::ProtocolSpec protocol = plan(text).runs.at(0).protocol;
  EXPECT_EQ(protocol.kind, "domain");
  EXPECT_EQ(protocol.split, "domains");
  EXPECT_EQ(protocol.order, "list");
  EXPECT_EQ(protocol.domain_order, (std::vector<int64_t>{2, 0, 1}));
  EXPECT_EQ(protocol.task_sizes, (std::vector<int64_t>{10, 10, 10}));
  EXPECT_EQ(protocol.class_order[9], 9);
  EXPECT_EQ(protocol.stop_after, 2);
  EXPECT_EQ(protocol.eval_on, "all");
  EXPECT_EQ(plan(with_line(text, 5, "order = \"seed\"\norder_seed = [0, 1]")).runs.size(), 2u);
  EXPECT_EQ(mistake(with_line(text, 5, "order = [0, 1, 3]")),
            "good.toml:5:16: each element of protocol.order must be an integer from 0 to 2, found the integer 3");
  EXPECT_EQ(mistake(with_line(text, 5, "order = [0, 1]")), "good.toml:5:9: protocol.order lists 2 domains, dataset vectors has 3");
  EXPECT_EQ(mistake(with_line(text, 2, "id = \"fashion_mnist\"") + "[weights.main]\nrandom = {}\n"),
            "good.toml:3:1: protocol.kind = \"domain\": dataset fashion_mnist has no domains; use kind = \"class\"");
}

TEST_F(PlanTest, JointIsAnOptionOfEachProtocol) {
  const Plan made = plan(with_line(kGood, 18, "joint = true"));
  EXPECT_TRUE(made.runs.at(0).protocol.joint);
  EXPECT_EQ(made.runs.at(0).comparability_json(), plan(kGood).runs.at(0).comparability_json());
  EXPECT_NE(made.runs.at(0).key(), plan(kGood).runs.at(0).key());
}

TEST_F(PlanTest, JointTrainingOfOneMethodStandsBesideTheOthers) {
  const std::string two = kGood + "[[method]]\nid = \"simplecil\"\njoint = true\n";
  const Plan made = plan(two);
  ASSERT_EQ(made.runs.size(), 9u);  // two settings of one method and one of the other, three seeds each
  EXPECT_FALSE(made.runs.front().protocol.joint);
  EXPECT_TRUE(made.runs.back().protocol.joint);
  EXPECT_EQ(made.runs.front().comparability_json(), made.runs.back().comparability_json()) << "one table";
  EXPECT_FALSE(plan(with_line(kGood, 18, "joint = true") + "joint = false\n").runs.back().protocol.joint);
}

TEST_F(PlanTest, AnIndexPlansOtherExperimentsAsOne) {
  const Plan one = plan(kGood);
  write("first.toml", kGood);
  write("second.toml", with_line(kGood, 18, "joint = true"));
  const Plan both = plan("experiments = [\"first\", \"second\"]\n", {"run.precision=tf32"});
  ASSERT_EQ(both.runs.size(), 2 * one.runs.size());
  EXPECT_EQ(both.name, "good");
  for (const base::RunSpec& run : both.runs) {
    EXPECT_EQ(run.experiment, "good");
    EXPECT_EQ(run.precision, "tf32");
  }
  EXPECT_FALSE(both.runs.front().protocol.joint);
  EXPECT_TRUE(both.runs.back().protocol.joint);

  EXPECT_EQ(mistake("experiments = []\n"), "good.toml:1:15: experiments must be a list of at least one name");
  EXPECT_NE(mistake("experiments = [\"third\"]\n").find("good.toml:1:16: there is no experiment"), std::string::npos);
  EXPECT_EQ(mistake("experiments = [\"first\"]\nseed = 1\n").substr(0, 32), "good.toml:2:1: unknown key \"seed");
  EXPECT_EQ(mistake("experiments = [\"good\"]\n"), "good.toml:1:15: an index cannot name another index");
}

}  // namespace
}  // namespace clb::plan::testing
