// A method may keep what it predicts from outside its state, and no number of its run shows it. A fresh process that has the state and
// nothing else does: such a row is marked and not ranked.
#include "outside_world.hpp"

namespace {

using clb::testing::Ended;
using clb::testing::kMarked;
using clb::testing::OutsideWorld;
namespace fs = std::filesystem;

TEST(StateOutsideTheState, IsSeenAlsoWithoutCheckpoints) {
  const OutsideWorld world;
  const Ended ended = world.run_tricks({"trick = \"static\""}, "[[method]]\nid = \"simplecil\"\n", {"--set", "run.checkpoint=off"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  const auto rows = world.rows();
  EXPECT_EQ(rows.at("static").look.value().outcome, "differs");
  EXPECT_EQ(rows.at("simplecil").look.value().outcome, "same") << rows.at("simplecil").look->reason;
  EXPECT_NE(ended.out.find(kMarked), std::string::npos) << ended.out;
  EXPECT_NE(ended.err.find("warning: its saved state predicts otherwise in a fresh process for "), std::string::npos) << ended.err;
  const fs::path folder = world.database().string() + ".runs/" + rows.at("static").uuid;
  for (const char* gone : {"look", "last_state", "checkpoint"}) EXPECT_FALSE(fs::exists(folder / gone)) << gone;
}

TEST(StateOutsideTheState, CanBeLeftUnseenAndThenTheTableSaysSo) {
  const OutsideWorld world;
  const Ended ended = world.run_tricks({"trick = \"static\""}, "", {"--no-second-look", "--set", "protocol.stop_after=1"});
  EXPECT_FALSE(world.rows().at("static").look.has_value());
  EXPECT_NE(ended.out.find("no second look was taken"), std::string::npos) << ended.out;
  EXPECT_EQ(ended.out.find(kMarked), std::string::npos) << ended.out;
}

}  // namespace
