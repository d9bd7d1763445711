// Every place outside the state, and whoever keeps to the rules passes without a difference.
#include "outside_world.hpp"

namespace {

using clb::testing::Ended;
using clb::testing::OutsideWorld;
namespace fs = std::filesystem;

TEST(StateOutsideTheState, IsSeenWhereverItIs) {
  const OutsideWorld world;
  const Ended ended = world.run_tricks({"trick = \"static\"", "trick = \"file\"", "trick = \"environment\"", "trick = \"big_batch\"",
                                        "trick = \"served\"", "trick = \"refuses\"", "trick = \"none\"", "by_batch = true"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  const auto rows = world.rows();
  for (const char* trick : {"static", "file", "environment", "big_batch", "served"})
    EXPECT_EQ(rows.at(trick).look.value().outcome, "differs") << trick;
  EXPECT_EQ(rows.at("refuses").look.value().outcome, "failed");
  EXPECT_TRUE(
      rows.at("refuses").look->reason.starts_with("its saved state cannot be used in a fresh process: state: this state is for nobody"))
      << rows.at("refuses").look->reason;
  for (const char* trick : {"none", "none by batch"}) {
    EXPECT_EQ(rows.at(trick).look.value().outcome, "same") << trick << ": " << rows.at(trick).look->reason;
    EXPECT_EQ(rows.at(trick).look->near_ties, 0) << trick;
  }
  EXPECT_TRUE(clb::audit::audit(world.database(), {}).same());
  fs::remove("/tmp/clb_elsewhere_" + std::to_string(getuid()));
}

TEST(StateOutsideTheState, HonestMethodsPassUnderEveryProtocol) {
  const OutsideWorld world;
  for (const char* setting : {"protocol.kind=class", "protocol.kind=task", "protocol.evaluate_on=validation",
                              "protocol.test_batches=class_sorted", "run.precision=bf16"}) {
    SCOPED_TRACE(setting);
    fs::remove(world.database());
    const Ended ended = world.run_tricks({"trick = \"none\""},
                                         "[[method]]\nid = \"simplecil\"\n[[method]]\nid = \"finetune\"\n[[method]]\nid = \"ranpac\"\n"
                                         "params = { projection = 200, tuner = \"none\" }\n",
                                         {"--set", setting, "--set", "protocol.stop_after=2"});
    EXPECT_EQ(ended.code, 0) << ended.err;
    for (const auto& [name, row] : world.rows()) {
      EXPECT_EQ(row.look.value().outcome, "same") << name << ": " << row.look->reason;
      EXPECT_EQ(row.look->near_ties, 0) << name;
      EXPECT_GT(row.look->samples, 0) << name;
    }
  }
}

}  // namespace
