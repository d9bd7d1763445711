// Weights by role and by name: which files are opened, which a run gets, what is said when a file is not what its name promises.
#include "plan_fixture.hpp"

namespace clb::plan::testing {
namespace {

const std::string kDigest = "d8fcc7b56c920446ada473a33c9bcf4aec28a88ff75e4786146e02b4614a89a8";  // of tiny_vit()
const std::string kKnown = "sha256 = \"" + kDigest +
                           "\"\nfile = \"tiny_vit.safetensors\"\nimage = 32\npatch = 16\ndim = 3\ndepth = 1\nheads = 3\n"
                           "pretraining = \"none\"\nlicence = \"none\"\nsource = \"a test\"\nget = \"make it\"\n";

class Weights : public PlanTest {
 protected:
  static std::string experiment(const std::string& weights, const std::string& methods = "method = \"simplecil\"\n") {
    return methods + weights +
           "[dataset]\nid = \"cifar100\"\n[protocol]\nsplit = \"B0-Inc10\"\norder = \"pilot\"\neval_transform = \"plain\"\n";
  }
  Plan plan_of(const std::string& text, const std::vector<std::string>& overrides = {}, bool missing_ok = false) {
    write("good.toml", text);
    PlanOptions wanted = options(overrides);
    wanted.weights_folders = {folder_ / "first", folder_ / "share/weights"};
    wanted.missing_ok = missing_ok;
    return make_plan(wanted, catalogue_);
  }
  std::string mistake_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
    try {
      plan_of(text, overrides);
    } catch (const base::Error& error) {
      EXPECT_EQ(error.exit(), base::Exit::kUserMistake);
      return error.what();
    }
    return "";
  }
  void know(const std::string& text = kKnown) { write("share/weights/tiny.toml", text); }
};

const std::string kFile = "[weights.main]\nfile = \"vit.safetensors\"\nsha256 = \"" + kDigest + "\"\nheads = 3\n";
const std::string kDamagedClip = "[weights.clip]\nfile = \"damaged.safetensors\"\nsha256 = \"" + kDigest + "\"\n";

TEST_F(Weights, ARoleThatNoMethodOpensChangesNothing) {
  write("damaged.safetensors", "nothing of the kind");
  const Plan without = plan_of(experiment(kFile));
  catalogue_.hashed.clear();
  const Plan with = plan_of(experiment(kFile + kDamagedClip));
  ASSERT_EQ(with.runs.size(), 1u);
  EXPECT_EQ(with.runs[0].to_json(), without.runs[0].to_json());
  EXPECT_EQ(catalogue_.hashed, std::vector<std::string>{(folder_ / "vit.safetensors").string()});
  fs::remove(folder_ / "damaged.safetensors");
  EXPECT_EQ(plan_of(experiment(kFile + kDamagedClip)).runs[0].key(), without.runs[0].key());
}

TEST_F(Weights, EachMethodGetsItsOwnRoles) {
  const std::string clip = "[weights.clip]\nrandom = { dim = 128 }\n";
  const Plan made = plan_of(experiment(clip + kFile, "method = [\"simplecil\", \"proof\", \"blind\"]\n"));
  ASSERT_EQ(made.runs.size(), 3u);
  ASSERT_EQ(made.runs[0].weights.size(), 1u);
  EXPECT_EQ(made.runs[0].weights[0].role, "main");
  ASSERT_EQ(made.runs[1].weights.size(), 2u) << "main first, whatever the order in the file and of the method";
  EXPECT_EQ(made.runs[1].weights[0].role, "main");
  EXPECT_EQ(made.runs[1].weights[1].role, "clip");
  EXPECT_TRUE(made.runs[2].weights.empty());
  EXPECT_EQ(catalogue_.hashed.size(), 1u) << "once per file";
  EXPECT_EQ(plan_of(experiment(kFile + clip, "method = \"proof\"\n")).runs[0].key(), made.runs[1].key());
}

TEST_F(Weights, AMissingRoleIsSaidWhilePlanning) {
  EXPECT_NE(mistake_of(experiment(kFile, "method = [\"simplecil\", \"proof\"]\n"))
                .find("good.toml:1:24: method proof opens weights of the role clip, but the experiment has no [weights.clip]"),
            std::string::npos)
      << mistake_of(experiment(kFile, "method = [\"simplecil\", \"proof\"]\n"));
}

TEST_F(Weights, ANameIsTheFile) {
  know();
  write("share/weights/tiny_vit.safetensors", tiny_vit());
  const Plan file = plan_of(experiment("[weights.main]\nfile = \"vit.safetensors\"\nsha256 = \"" + kDigest + "\"\nheads = 3\n"));
  for (const std::string weights : {"weights = \"tiny\"\n", "weights.main = \"tiny\"\n", "[weights.main]\nname = \"tiny\"\n"}) {
    const Plan named = plan_of(experiment(weights));
    EXPECT_EQ(named.runs.at(0).key(), file.runs.at(0).key()) << weights;
    EXPECT_EQ(named.runs.at(0).weights.at(0).file, (folder_ / "share/weights/tiny_vit.safetensors").string());
  }
}

TEST_F(Weights, TheFirstFolderThatHasTheFileCounts) {
  know();
  write("share/weights/tiny_vit.safetensors", tiny_vit());
  write("first/tiny_vit.safetensors", tiny_vit());
  EXPECT_EQ(plan_of(experiment("weights = \"tiny\"\n")).runs.at(0).weights.at(0).file, (folder_ / "first/tiny_vit.safetensors").string());
}

TEST_F(Weights, AnotherFileUnderTheNameIsRefusedWithBothDigests) {
  know();
  std::string other = tiny_vit();
  other.back() = 1;
  write("first/tiny_vit.safetensors", other);
  const std::string sentence = mistake_of(experiment("weights = \"tiny\"\n"));
  const std::string found = base::hex(base::sha256_file(folder_ / "first/tiny_vit.safetensors"));
  for (const std::string& part : {found, kDigest, std::string("tiny is the file with"), std::string("share/weights/tiny.toml")})
    EXPECT_NE(sentence.find(part), std::string::npos) << part << ": " << sentence;
}

TEST_F(Weights, AFileThatIsNowhereIsSaidOnce) {
  know();
  const std::string sentence = mistake_of(experiment("weights = \"tiny\"\n"));
  for (const std::string part : {"tiny_vit.safetensors of tiny is in none of", "--weights-path DIR", "(make it)"})
    EXPECT_NE(sentence.find(part), std::string::npos) << part << ": " << sentence;
  const Plan dry = plan_of(experiment("weights = \"tiny\"\n"), {}, true);
  ASSERT_EQ(dry.missing.size(), 1u);
  EXPECT_EQ(dry.runs.at(0).weights.at(0).sha256, kDigest) << "the key is known without the file";
}

TEST_F(Weights, ADigestThatNobodyKnowsIsAskedFor) {
  know(
      "file = \"tiny_vit.safetensors\"\nimage = 32\npatch = 16\ndim = 3\ndepth = 1\npretraining = \"x\"\nlicence = \"x\"\nsource = "
      "\"x\"\n");
  write("first/tiny_vit.safetensors", tiny_vit());
  EXPECT_NE(mistake_of(experiment("[weights.main]\nname = \"tiny\"\nheads = 3\n"))
                .find("write weights.main = { name = \"tiny\", sha256 = \"" + kDigest),
            std::string::npos);
  EXPECT_EQ(plan_of(experiment("[weights.main]\nname = \"tiny\"\nheads = 3\nsha256 = \"" + kDigest + "\"\n")).runs.size(), 1u);
  know("file = \"tiny_vit.safetensors\"\ndim = 768\npretraining = \"x\"\nlicence = \"x\"\nsource = \"x\"\n");
  EXPECT_NE(mistake_of(experiment("[weights.main]\nname = \"tiny\"\nheads = 3\nsha256 = \"" + kDigest + "\"\n")).find("it is another file"),
            std::string::npos);
}

// A recipe's mean and std are those of main; another role has its own, and a geometry where it needs one.
TEST_F(Weights, OtherRolesHaveStatisticsOfTheirOwn) {
  know(kKnown + "[preprocess]\nmean = [0.1, 0.2, 0.3]\nstd = [0.4, 0.5, 0.6]\n");
  write("share/weights/tiny_vit.safetensors", tiny_vit());
  const std::string both = "weights.main = \"tiny\"\nweights.clip = \"tiny\"\n";
  const base::RunSpec run = plan_of(experiment(both, "method = \"proof\"\n")).runs.at(0);
  EXPECT_FALSE(run.weights.at(0).eval_transform) << "of main the recipe speaks";
  ASSERT_TRUE(run.weights.at(1).eval_transform);
  base::TransformRecipe expected = run.protocol.eval_transform;
  expected.mean = {0.1, 0.2, 0.3};
  expected.std = {0.4, 0.5, 0.6};
  EXPECT_EQ(*run.weights.at(1).eval_transform, expected);
  EXPECT_EQ(base::RunSpec::from_json(run.to_json(), "run").to_json(), run.to_json());
  const std::string by_file =
      "weights.main = \"tiny\"\n[weights.clip]\nfile = \"vit.safetensors\"\nsha256 = \"" + kDigest + "\"\nheads = 3\n";
  EXPECT_EQ(plan_of(experiment(by_file, "method = \"proof\"\n")).runs.at(0).weights.at(1).eval_transform, expected);
  write("share/recipes/large.toml", "[train]\nresize = 64\n[eval]\nresize = 64\ncenter_crop = 64\n");
  know(kKnown + "[preprocess]\nmean = [0.1, 0.2, 0.3]\nstd = [0.4, 0.5, 0.6]\ntransform = \"large\"\n");
  EXPECT_EQ(plan_of(experiment(both, "method = \"proof\"\n")).runs.at(0).weights.at(1).eval_transform->output_size(), 64);
}

TEST_F(Weights, AnUnknownNameIsSuggestedFor) {
  know();
  EXPECT_NE(mistake_of(experiment("weights = \"tinny\"\n")).find("no weights are called \"tinny\"; did you mean \"tiny\"?"),
            std::string::npos);
}

TEST_F(Weights, FileAndDigestOnTheCommandLineTakeThePlaceOfAName) {
  know();
  std::string other = tiny_vit();
  other.back() = 1;
  write("other.safetensors", other);
  const std::string file = (folder_ / "other.safetensors").string(), digest = base::hex(base::sha256_file(file));
  const Plan made =
      plan_of(experiment("weights = \"tiny\"\n"), {"weights.main.file=" + file, "weights.main.sha256=" + digest, "weights.main.heads=3"});
  EXPECT_EQ(made.runs.at(0).weights.at(0).sha256, digest);
  EXPECT_NE(mistake_of(experiment("weights = \"tiny\"\n"), {"weights.main.file=" + file}).find(digest), std::string::npos);
}

}  // namespace
}  // namespace clb::plan::testing
