// Presets and experiments that ship: `run ... --dry-run` plans them, lists the data and weights that are missing, and exits 0.
#include <cstdlib>
#include <regex>

#include "e2e/cli.hpp"
#include "e2e/shipped.hpp"

namespace {

using clb::testing::Ended;
namespace fs = std::filesystem;

std::string cache() { return "CLB_CACHE=" + clb::testing::shipped_cache().string(); }

TEST(Presets, EachCanBePlannedWithoutItsData) {
  const fs::path built = CLB_BINARY_DIR;
  const clb::testing::TempFolder folder;
  int presets = 0, lacking = 0;
  for (const auto& method : fs::directory_iterator(built / "share/clbench/presets")) {
    for (const auto& file : fs::directory_iterator(method)) {
      const std::string name = method.path().filename().string() + "/" + file.path().stem().string();
      const Ended ended = clb::testing::run_program(folder.path(), {(built / "bin/clbench").string(), "run", name, "--dry-run"}, {cache()});
      EXPECT_EQ(ended.code, 0) << name << ": " << ended.err;
      EXPECT_TRUE(std::regex_search(ended.out, std::regex(name + "( order \\d+)? seed 0"))) << ended.out;
      EXPECT_EQ(ended.err.find("warning"), std::string::npos) << name << ": " << ended.err;
      lacking += ended.err.find("missing: ") != std::string::npos;
      ++presets;
    }
  }
  EXPECT_GT(presets, 60);
  EXPECT_GT(lacking, 0) << "ViT-B/16 comes with nobody's machine";
}

// The survey's table: an index of seven experiments of seven methods each and three seeds, and the same methods on the setting small.
TEST(Presets, TheSurveysTableCanBePlannedWithoutItsData) {
  const fs::path built = CLB_BINARY_DIR;
  const clb::testing::TempFolder folder;
  const std::vector<std::pair<std::string, std::string>> expected = {{"survey_table1", "147 runs to start"},
                                                                     {"survey_table1_small", "30 runs to start"}};
  for (const auto& [name, runs] : expected) {
    const fs::path file = built / "share/clbench/experiments" / (name + ".toml");
    const Ended ended =
        clb::testing::run_program(folder.path(), {(built / "bin/clbench").string(), "run", file.string(), "--dry-run"}, {cache()});
    EXPECT_EQ(ended.code, 0) << name << ": " << ended.err;
    EXPECT_NE(ended.out.find(runs), std::string::npos) << ended.out;
    EXPECT_EQ(ended.err.find("warning"), std::string::npos) << name << ": " << ended.err;
  }
}

// Their digest is that of the file in share/weights.
TEST(Presets, ExperimentsOnTheNetworkThatShipsLackNoWeights) {
  const fs::path built = CLB_BINARY_DIR;
  const clb::testing::TempFolder folder;
  for (const std::string name : {"clb_micro_quality", "demo", "gate"}) {
    const fs::path file = built / "share/clbench/experiments" / (name + ".toml");
    const Ended ended =
        clb::testing::run_program(folder.path(), {(built / "bin/clbench").string(), "run", file.string(), "--dry-run"}, {cache()});
    EXPECT_EQ(ended.code, 0) << name << ": " << ended.err;
    EXPECT_EQ(ended.err.find("weights"), std::string::npos) << name << ": " << ended.err;
  }
}

}  // namespace
