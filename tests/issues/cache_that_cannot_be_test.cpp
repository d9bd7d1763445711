// A cache or HOME that cannot be written was an internal error.
#include "e2e/cli.hpp"
#include "errors.hpp"

namespace clb::testing {
namespace {

// `clbench info simplecil` with this environment alone.
class Cache : public ::testing::Test {
 protected:
  Ended info(const std::vector<std::string>& environment, std::vector<std::string> more = {}) const {
    std::vector<std::string> words{"/usr/bin/env", "-i"};
    words.insert(words.end(), environment.begin(), environment.end());
    words.insert(words.end(), {std::string(CLB_BINARY_DIR) + "/bin/clbench", "info", "simplecil"});
    words.insert(words.end(), more.begin(), more.end());
    return run_program(folder_.path(), words);
  }
  std::string in(const std::string& name) const { return (folder_.path() / name).string(); }

  TempFolder folder_;
};

TEST_F(Cache, AtItsDefaultPlaceItIsDoneWithoutOneAndSaidOnce) {
  folder_.write("file", "");
  for (const std::vector<std::string>& environment : {std::vector<std::string>{}, {"HOME=" + in("file/home")}}) {
    const Ended ended = info(environment);
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_TRUE(contains(ended.err, "clbench: warning: ")) << ended.err;
    EXPECT_TRUE(contains(ended.err, "nothing is cached")) << ended.err;
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  }
}

TEST_F(Cache, ARelativeXdgFolderIsIgnoredAndThatIsSaid) {
  const Ended ended = info({"XDG_CACHE_HOME=here", "HOME=" + in("home")});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.err, "XDG_CACHE_HOME is \"here\", which is ignored")) << ended.err;
  EXPECT_TRUE(fs::exists(in("home/.cache/clbench")));
}

TEST_F(Cache, WhereItWasAskedForItIsAMistake) {
  folder_.write("file", "");
  const Ended by_option = info({}, {"--cache", in("file/cache")}), by_variable = info({"CLB_CACHE=" + in("file")});
  EXPECT_EQ(by_option.code, 2);
  EXPECT_TRUE(contains(by_option.err, "clbench: --cache " + in("file/cache") + ": the cache cannot be written")) << by_option.err;
  EXPECT_EQ(by_variable.code, 2);
  EXPECT_TRUE(contains(by_variable.err, "clbench: CLB_CACHE " + in("file") + ": the cache cannot be written")) << by_variable.err;
}

}  // namespace
}  // namespace clb::testing
