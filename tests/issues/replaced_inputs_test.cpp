// Data, plugins and weights replaced by others of equal size and time: the old numbers came again, and what was to be run counted as done.
#include <clb/base/plugin_meta.hpp>

#include "replaced_inputs.hpp"

namespace clb::testing {
namespace {

TEST_F(ReplacedInputs, NewDataGiveNewNumbersAndAreAuditedAfresh) {
  EXPECT_EQ(accuracy(), 1);
  EXPECT_EQ(audit().code, 0);
  replace_data(1);
  const Ended stale = audit();
  EXPECT_EQ(stale.code, 1);
  EXPECT_TRUE(contains(stale.out, "the fingerprint of the data is")) << stale.out;
  EXPECT_TRUE(contains(stale.out, "read afresh")) << stale.out;
  EXPECT_EQ(accuracy(), 0);
}

TEST_F(ReplacedInputs, ANewPluginIsNotFinished) {
  const fs::path plugins = world_.path() / "plugins", plugin = plugins / "simplecil.so";
  fs::create_directories(plugins);
  std::string bytes = base::read_file(fs::path(CLB_BINARY_DIR) / "lib/clbench/methods/simplecil.so");
  std::ofstream(plugin, std::ios::binary) << bytes;
  fs::last_write_time(plugin, fs::last_write_time(plugin) - std::chrono::hours(1));
  const std::vector<std::string> more{"--plugin-path", plugins.string()};
  EXPECT_EQ(accuracy(more), 1);
  EXPECT_TRUE(contains(world_.run(more).err, "finished and skipped"));
  const std::string version = base::read_plugin_meta(plugin).version;
  const size_t at = bytes.find(version + '\0');
  ASSERT_TRUE(!version.empty() && at != std::string::npos);
  bytes[at] = '9';
  overwrite_keeping_times(plugin, bytes);
  const Ended again = world_.run({more[0], more[1], "--dry-run"});
  EXPECT_FALSE(contains(again.err, "finished and skipped")) << again.err;
  EXPECT_TRUE(contains(again.err, "finished by another build")) << again.err;
  EXPECT_TRUE(contains(audit().out, "another build than the one that ran"));
}

TEST_F(ReplacedInputs, ARunnerRefusesAnotherPluginThanThePlanned) {
  const Ended planned = world_.run({"--dry-run", "--json"});
  ASSERT_EQ(planned.code, 0) << planned.err;
  for (const char* which : {"method_hash", "runner_hash"}) {
    base::Json spec = base::parse_json(planned.out, "the plan");
    spec["execution"][which] = std::string(64, 'a');
    std::ofstream(world_.path() / "run.json") << spec;
    const Ended ended =
        run_program(world_.path(), {(fs::path(CLB_BINARY_DIR) / "bin/clb-runner").string(), "run", (world_.path() / "run.json").string()});
    EXPECT_EQ(ended.code, 1) << ended.err;
    EXPECT_TRUE(contains(ended.out, "was replaced after the run was planned")) << ended.out;
  }
}

TEST(ReplacedWeights, AreKnownByTheirRightDigest) {
  const World world;
  const fs::path weights = world.path() / "vit.safetensors";
  std::string bytes = base::read_file(fs::path(CLB_SOURCE_DIR) / "share/weights/clb-micro.safetensors");
  std::ofstream(weights, std::ios::binary) << bytes;
  fs::last_write_time(weights, fs::last_write_time(weights) - std::chrono::hours(1));
  const std::string before = base::hex(base::sha256(std::string_view(bytes)));
  const auto plan = [&](const std::string& sha256) {
    return world.run({"--dry-run", "--set", "weights.main={ file = \"" + weights.string() + "\", sha256 = \"" + sha256 + "\" }"});
  };
  EXPECT_EQ(plan(before).code, 0);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  overwrite_keeping_times(weights, bytes);
  const std::string now = base::hex(base::sha256(std::string_view(bytes)));
  const Ended wrong = plan(before);
  EXPECT_EQ(wrong.code, 2);
  EXPECT_TRUE(contains(wrong.err, now) && contains(wrong.err, before)) << wrong.err;
  EXPECT_FALSE(contains(wrong.err, "damaged")) << wrong.err;
  const Ended right = plan(now);
  EXPECT_EQ(right.code, 0) << right.err;
}

}  // namespace
}  // namespace clb::testing
