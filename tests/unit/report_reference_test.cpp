// Published numbers beside measured ones: files that are read or refused, keys that are the same or not, verdicts, recorded runs.
#include <clb/base/file.hpp>
#include <clb/report/reference.hpp>
#include <fstream>

#include "results_fixture.hpp"

namespace clb::report {
namespace {

using base::Json;
using reference::Entry;

const std::string kFile = R"(citation = "Somebody: Something. 2024"
source = "something 2024"
sure = "read directly"
metrics = ["acc.last.sample"]

[setting.cifar]
data = "cifar100/official"
weights = "deit-tiny"
split = "B0-Inc2"
order = "pilot"
eval_transform = "deit-224"
train_per_class = 50
test_per_class = 20

[[row]]
label = "SimpleCIL"
method = "simplecil"
tolerance = 1.5
cells = [{ setting = "cifar", values = [50.0] }]
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

class ReferenceTest : public results_test::ResultsTest {
 protected:
  ReferenceTest() {
    write("aliases.toml", "[[data]]\nname = \"cifar100/official\"\nfingerprint = \"" + results_test::fake_hash("cifar") + "\"\n");
    write("something.toml", kFile);
  }

  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }
  reference::References references() const { return reference::read_references(folder_, {deit()}); }

  static weights::Known deit() {
    weights::Known known;
    known.name = "deit-tiny";
    known.sha256 = results_test::fake_hash("deit");
    return known;
  }

  static base::RunSpec spec(int64_t seed = 0) {
    base::RunSpec spec = results_test::sample_spec(seed);
    spec.method.train_transform.name = "deit-224";
    return spec;
  }

  static Json spec_json(const base::RunSpec& spec) {
    Json json = spec.to_json();
    json.erase("execution");
    return json;
  }

  // A run that gets `correct` of 100 samples right.
  static MeasuredRun run(const base::RunSpec& spec, int64_t correct) {
    MeasuredRun run;
    run.spec = spec_json(spec);
    run.key = spec.key();
    run.tasks_planned = 3;
    for (int64_t task = 0; task < 3; ++task)
      for (int64_t group = 0; group <= task; ++group) {
        base::EvalCount count;
        count.group = group;
        count.n = group == 0 ? 100 : 1;  // the first group alone decides, but for a hundredth
        count.correct = group == 0 ? correct : 0;
        count.correct_within = count.correct;
        run.evals.push_back({task, count});
      }
    return run;
  }

  static std::optional<MethodSetting> resolve(const Entry&) { return MethodSetting{spec().method.params, ""}; }

  AgainstReference compared(const std::vector<MeasuredRun>& runs) const {
    return against_references(references(), runs, "simplecil", resolve).at(0);
  }

  std::string verdict(const std::string& file, const std::vector<int64_t>& correct) const {
    write("something.toml", file);
    std::vector<MeasuredRun> runs;
    for (const int64_t c : correct) runs.push_back(run(spec(static_cast<int64_t>(runs.size())), c));
    return compared(runs).verdict;
  }
};

TEST_F(ReferenceTest, TheSameKeyIsCompared) {
  const AgainstReference comparison = compared({run(spec(), 51)});
  ASSERT_TRUE(comparison.ours.has_value());
  EXPECT_NEAR(comparison.ours->mean, 100 * 51.0 / 102, 1e-9);
  EXPECT_EQ(comparison.verdict, "within tolerance");
  EXPECT_EQ(comparison.runs.size(), 1u);
}

TEST_F(ReferenceTest, EveryOtherKeyIsNotRunHere) {
  struct Case {
    const char* pointer;
    Json value;
    const char* departure;
  };
  const std::vector<Case> cases = {
      {"/method/id", "ranpac", "method"},
      {"/method/params/scale", 2.0, "params"},
      {"/method/params/extra", 1, "params"},
      {"/method/train_transform/name", "pilot", "train_transform"},
      {"/dataset/fingerprint", results_test::fake_hash("other"), "data"},
      {"/dataset/train_per_class", 0, "train_per_class"},
      {"/dataset/test_per_class", 10, "test_per_class"},
      {"/weights/0/sha256", results_test::fake_hash("other"), "weights"},
      {"/protocol/kind", "task", "kind"},
      {"/protocol/split", "B0-Inc3", "split"},
      {"/protocol/order", "identity", "order"},
      {"/protocol/stop_after", 2, "stop_after"},
      {"/protocol/joint", true, "joint"},
      {"/protocol/eval_on", "all", "eval_on"},
      {"/protocol/evaluate_on", "validation", "evaluate_on"},
      {"/protocol/eval_transform/name", "pilot", "eval_transform"},
      {"/precision", "bf16", "precision"},
  };
  const reference::References known = references();
  for (const Case& c : cases) {
    MeasuredRun other = run(spec(), 51);
    other.spec[Json::json_pointer(c.pointer)] = c.value;
    EXPECT_EQ(departure(known.entries.at(0), *resolve(known.entries.at(0)), other.spec, known.aliases), c.departure) << c.pointer;
    EXPECT_EQ(compared({other}).verdict, "not run here") << c.pointer;
  }
}

TEST_F(ReferenceTest, BatchesCountWhereTheSourceStatesThem) {
  const std::string sorted = replaced(kFile, "test_per_class = 20", "test_per_class = 20\ntest_batches = \"class_sorted\"");
  EXPECT_EQ(verdict(sorted, {51}), "not run here");
  EXPECT_EQ(verdict(replaced(kFile, "test_per_class = 20", "test_per_class = 20\ntest_batch_size = 63"), {51}), "not run here");
  EXPECT_EQ(verdict(replaced(kFile, "test_per_class = 20", "test_per_class = 20\ntest_batch_size = 64"), {51}), "within tolerance");
}

TEST_F(ReferenceTest, NamesOfOneOrderAndOfAllTasksAreTheSame) {
  base::RunSpec other = spec();
  other.protocol.order = "numpy";
  other.protocol.order_seed = 1993;
  other.protocol.stop_after = 3;
  EXPECT_EQ(compared({run(other, 51)}).verdict, "within tolerance");
  other.protocol.order_seed = 1994;
  EXPECT_EQ(compared({run(other, 51)}).verdict, "not run here");
}

TEST_F(ReferenceTest, Verdicts) {
  EXPECT_EQ(verdict(kFile, {}), "not run here");
  EXPECT_EQ(verdict(kFile, {52, 50}), "within tolerance");
  EXPECT_EQ(verdict(kFile, {61}), "outside tolerance (by 8.30)");
  EXPECT_EQ(verdict(kFile, {40}), "outside tolerance (by 9.28)");
  const std::string implementation = "implementation = true\n" + kFile;
  EXPECT_EQ(verdict(implementation, {51}), "matches reference implementation");
  EXPECT_EQ(verdict(implementation, {61}), "differs from reference implementation (by 8.30)");
  const std::string three = replaced(kFile, "tolerance = 1.5", "tolerance = 1.5\nruns = 3");
  EXPECT_EQ(verdict(three, {51, 51}), "too few runs (2 of 3)");
  EXPECT_EQ(verdict(three, {51, 50, 52}), "within tolerance");
  EXPECT_EQ(verdict(replaced(kFile, "order = \"pilot\"", "order = [\"pilot\", \"numpy(7)\"]"), {51}), "too few class orders (1 of 2)");
  EXPECT_EQ(verdict(replaced(kFile, "tolerance = 1.5", "tolerance = 1.5\nincomparable = \"no reason\""), {51}), "not run here");
}

TEST_F(ReferenceTest, WithoutThePluginNothingIsCompared) {
  const auto nobody = [](const Entry&) { return std::optional<MethodSetting>(); };
  const std::vector<MeasuredRun> runs = {run(spec(), 51)};
  EXPECT_EQ(against_references(references(), runs, "", nobody).at(0).verdict, "not run here");
  EXPECT_TRUE(against_references(references(), runs, "ranpac", nobody).empty());
}

TEST_F(ReferenceTest, DamagedFilesAreRefusedWithTheirPlace) {
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {"label = ", "lable = ", R"(something.toml:16:1: unknown key "lable" in [row]; did you mean "label"?)"},
      {"[50.0]", "[50.0, 3]", "something.toml:19:40: values must be a list of 1 numbers, one for each of acc.last.sample"},
      {"[50.0]", "[500.0]", "something.toml:19:41: each of values must lie in [-100, 100] %, found 500"},
      {"acc.last.sample", "acc.last", "something.toml:4:11: there is no metric \"acc.last\""},
      {"{ setting = \"cifar\"", "{ setting = \"cifra\"", "something.toml:19:22: there is no [setting.cifra]; did you mean \"cifar\"?"},
      {"tolerance = 1.5\n", "", "neither the cell nor its row has a tolerance"},
      {"tolerance = 1.5", "tolerance = 0", "something.toml:18:13: tolerance must lie in (0, 100] points, found 0"},
      {"order = \"pilot\"\n", "", "something.toml:6:1: [setting.cifar] needs order"},
      {"citation = \"Somebody: Something. 2024\"\n", "", "needs citation"},
      {"[[row]]", "[[row", "not valid TOML"},
  };
  for (const auto& [from, to, expected] : cases) {
    write("something.toml", replaced(kFile, from, to));
    const std::string sentence = results_test::sentence([&] { references(); });
    EXPECT_NE(sentence.find(expected), std::string::npos) << sentence << "\nwanted: " << expected;
  }
  write("something.toml", kFile);
  write("aliases.toml", "[[data]]\nname = \"x\"\nfingerprint = \"12\"\n");
  EXPECT_NE(results_test::sentence([&] { references(); }).find("aliases.toml:3:15: data.fingerprint must be 64"), std::string::npos);
  results_test::fs::remove(folder_ / "aliases.toml");
  EXPECT_NE(results_test::sentence([&] { references(); }).find("there is no aliases.toml"), std::string::npos);
}

TEST_F(ReferenceTest, RecordedRunsComeBackWithoutPaths) {
  const std::string text = measured_json({run(spec(1), 51), run(spec(0), 40), run(spec(1), 51)});
  EXPECT_EQ(text.find("/opt/"), std::string::npos);
  EXPECT_EQ(text.find("/data/"), std::string::npos);
  write("measured.json", text);
  const std::vector<MeasuredRun> runs = read_measured(folder_ / "measured.json");
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(measured_json(runs), text);
  EXPECT_EQ(compared(runs).ours->n, 2);
}

TEST_F(ReferenceTest, RecordedRunsThatWereChangedAreRefused) {
  const std::string text = measured_json({run(spec(), 51)});
  const auto refusal = [&](const std::string& from, const std::string& to) {
    write("measured.json", replaced(text, from, to));
    return results_test::sentence([&] { read_measured(folder_ / "measured.json"); });
  };
  EXPECT_NE(refusal("\"scale\":1.0", "\"scale\":2.0").find("is not that of its spec"), std::string::npos);
  EXPECT_NE(refusal("\"B0-Inc2\"", "\"B0-Inc3\"").find("is not that of its spec"), std::string::npos);
  EXPECT_NE(refusal("[0,0,100,51,51]", "[0,0,100,151,151]").find("more correct samples than there are"), std::string::npos);
  EXPECT_NE(refusal("\"tasks_planned\"", "\"tasks\"").find("no file of recorded runs"), std::string::npos);
}

TEST_F(ReferenceTest, EveryFormatSaysTheSame) {
  const std::vector<MeasuredRun> runs = {run(spec(), 61)};  // a AgainstReference points into them
  const std::vector<AgainstReference> comparisons = {compared(runs)};
  for (const Format format : {Format::kText, Format::kMarkdown, Format::kCsv, Format::kJson}) {
    const std::string text = render_comparison(comparisons, format);
    EXPECT_NE(text.find("outside tolerance (by 8.30)"), std::string::npos) << text;
    EXPECT_NE(text.find("Somebody: Something. 2024"), std::string::npos) << text;
    EXPECT_NE(text.find("SimpleCIL"), std::string::npos) << text;
  }
  EXPECT_NE(render_comparison(comparisons, Format::kMarkdown).find("| 50.00 ± 1.5 | 59.80 (1) | +9.80 |"), std::string::npos);
}

// What ships: the survey's table is complete, every name of data is one of share/datasets, every name of weights one of share/weights.
TEST(ShippedReferences, AreCompleteAndNameKnownDataAndWeights) {
  const results_test::fs::path source = CLB_SOURCE_DIR;
  const reference::References known =
      reference::read_references(source / "results/reference", weights::read_all_known({source / "share/weights"}));
  int64_t survey = 0;
  for (const Entry& entry : known.entries) {
    survey += entry.file == "survey_zhou2024";
    if (!entry.incomparable.empty()) continue;
    const std::string data = entry.setting.data.substr(0, entry.setting.data.find('/'));
    EXPECT_TRUE(results_test::fs::exists(source / "share/datasets" / (data + ".toml"))) << entry.place.text() << ": " << data;
    EXPECT_TRUE(results_test::fs::exists(source / "share/weights" / (entry.setting.weights + ".toml"))) << entry.setting.weights;
    EXPECT_FALSE(entry.setting.eval_transform.empty()) << entry.place.text();
  }
  EXPECT_EQ(survey, 13 * 7 * 2);
}

}  // namespace
}  // namespace clb::report
