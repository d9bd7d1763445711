// Fine-tuning came out at 88 % with nothing forgotten: the hash of its features was taken before it learned, so the host went on serving
// what the network of each image's own task had made of it.
#include "e2e/cli.hpp"

namespace {

using namespace clb;

struct DerivedHash : clb::testing::World {
  int run(const std::string& hash, const std::string& more = "") const {
    write_experiment(more, "derived", "params = { hash = \"" + hash + "\" }\n");
    return World::run({"--plugin-path", std::string(CLB_BINARY_DIR) + "/tests/plugins", "--set", "protocol.stop_after=2"}).code;
  }
};

TEST(DerivedHash, ThatDoesNotFollowItsPartFailsTheRunAndARenewedOneDoesNot) {
  const DerivedHash world;
  EXPECT_EQ(world.run("once"), 1);
  const auto row = world.newest().row;
  EXPECT_EQ(row.status.status, "failed");
  EXPECT_NE(row.status.reason.find("invalid: the features \"mine\" of test sample"), std::string::npos) << row.status.reason;
  EXPECT_NE(row.status.reason.find("changed under an unchanged content hash"), std::string::npos) << row.status.reason;
  EXPECT_EQ(world.run("renewed"), 0) << world.newest().row.status.reason;
}

// The part is drawn from the seed, and a hash that somebody made up says nothing of it.
TEST(DerivedHash, ThatWasMadeUpServesNoOtherSeed) {
  const auto of_seed = [](const DerivedHash& world, const char* seed) {
    EXPECT_EQ(world
                  .World::run({"--plugin-path", std::string(CLB_BINARY_DIR) + "/tests/plugins", "--set", "protocol.stop_after=2", "--set",
                               std::string("run.seed=") + seed})
                  .code,
              0)
        << world.newest().row.status.reason;
    return world.newest().prediction;
  };
  const DerivedHash shared, alone;
  for (const auto* world : {&shared, &alone}) world->write_experiment("", "derived", "params = { hash = \"made_up\" }\n");
  of_seed(shared, "0");
  EXPECT_EQ(of_seed(shared, "1"), of_seed(alone, "1"));
}

}  // namespace
