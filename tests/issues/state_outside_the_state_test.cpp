// A method may keep what it predicts from outside its state, and no number of its run shows it. A fresh process that has the state and
// nothing else does: such a row is marked and not ranked, and whoever keeps to the rules passes without a difference.
#include <clb/audit/audit.hpp>
#include <clb/report/table.hpp>
#include <fstream>

#include "e2e/cli.hpp"

namespace {

using namespace clb;
using clb::testing::Ended;
namespace fs = std::filesystem;

const char* const kMarked = "not ranked: a fresh process does not predict the same from the saved state";

class World : public clb::testing::World {
 public:
  Ended run_outside(const std::string& params, std::vector<std::string> more = {}) const {
    write_experiment("[[method]]\nid = \"simplecil\"\n", "outside", "params = { " + params + " }\n");
    more.insert(more.end(), {"--plugin-path", std::string(CLB_BINARY_DIR) + "/tests/plugins", "--set", "protocol.stop_after=2"});
    return run(more);
  }
  std::map<std::string, store::RunRow> by_method() const {
    std::map<std::string, store::RunRow> rows;
    for (store::RunRow& row : store::Store::open(database(), store::Store::Mode::kRead).runs()) rows[row.method] = row;
    return rows;
  }
};

struct Trick {
  const char* params;
  const char* outcome;
  const char* reason;
};

TEST(StateOutsideTheState, IsSeenByAFreshProcess) {
  const World world;
  for (const Trick& trick :
       {Trick{"trick = \"static\"", "differs", "its saved state predicts otherwise in a fresh process for "},
        {"trick = \"file\"", "differs", "its saved state predicts otherwise"},
        {"trick = \"environment\"", "differs", "its saved state predicts otherwise"},
        {"trick = \"big_batch\"", "differs", "its saved state predicts otherwise"},
        {"trick = \"served\"", "differs", "its saved state predicts otherwise"},
        {"trick = \"refuses\"", "failed", "its saved state cannot be used in a fresh process: state: this state is for nobody"},
        {"trick = \"none\"", "same", ""},
        {"trick = \"none\", by_batch = true", "same", ""}}) {
    SCOPED_TRACE(trick.params);
    fs::remove(world.database());
    const Ended ended = world.run_outside(trick.params);
    EXPECT_EQ(ended.code, 0) << ended.err;
    const auto rows = world.by_method();
    const auto& look = rows.at("outside").look;
    ASSERT_TRUE(look.has_value()) << ended.err;
    EXPECT_EQ(look->outcome, trick.outcome) << look->reason;
    EXPECT_TRUE(look->reason.starts_with(trick.reason)) << look->reason;
    EXPECT_EQ(rows.at("simplecil").look->outcome, "same") << rows.at("simplecil").look->reason;
    const bool marked = std::string(trick.outcome) != "same";
    EXPECT_EQ(ended.out.find(kMarked) != std::string::npos, marked) << ended.out;
    EXPECT_EQ(ended.err.find("warning: " + look->reason) != std::string::npos, marked) << ended.err;
    EXPECT_TRUE(audit::audit(world.database(), {}).same());
  }
  fs::remove("/tmp/clb_outside_" + std::to_string(getuid()));
}

TEST(StateOutsideTheState, NeedsNoCheckpointAndCanBeLeftUnseen) {
  const World world;
  EXPECT_EQ(world.run_outside("trick = \"static\"", {"--set", "run.checkpoint=\"off\""}).code, 0);
  const store::RunRow row = world.by_method().at("outside");
  EXPECT_EQ(row.look.value().outcome, "differs") << row.look->reason;
  const fs::path folder = world.database().string() + ".runs/" + row.uuid;
  for (const char* gone : {"look", "last_state", "checkpoint"}) EXPECT_FALSE(fs::exists(folder / gone)) << gone;

  fs::remove(world.database());
  const Ended ended = world.run_outside("trick = \"static\"", {"--no-second-look"});
  EXPECT_FALSE(world.by_method().at("outside").look.has_value());
  EXPECT_EQ(world.by_method().at("outside").key, row.key);
  EXPECT_NE(ended.out.find("no second look was taken"), std::string::npos) << ended.out;
}

}  // namespace
