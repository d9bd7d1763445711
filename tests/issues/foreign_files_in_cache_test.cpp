// `cache prune` removed every regular file below the folder that --cache named, whoever had put it there.
#include <clb/base/cache.hpp>

#include "e2e/cli.hpp"
#include "support/errors.hpp"

namespace clb::testing {
namespace {

const std::string kKey(64, 'a');

class ForeignInCache : public ::testing::Test {
 protected:
  fs::path cache() const { return folder_.path() / "cache"; }
  fs::path write(const std::string& name) const {
    fs::create_directories((cache() / name).parent_path());
    std::ofstream(cache() / name) << "1234";
    return cache() / name;
  }
  Ended prune(std::vector<std::string> more = {"--all"}) const {
    std::vector<std::string> words{(fs::path(CLB_BINARY_DIR) / "bin/clbench").string(), "cache", "prune"};
    words.insert(words.end(), more.begin(), more.end());
    return run_program(folder_.path(), words, {"CLB_CACHE=" + cache().string()});
  }
  TempFolder folder_;
};

TEST_F(ForeignInCache, a_folder_that_is_no_cache_is_refused) {
  const fs::path thesis = write("Documents/thesis.txt"), own = write("features/" + kKey + "/0123456789abcdef.safetensors");
  for (const std::vector<std::string>& how : {std::vector<std::string>{"--all"}, {"--older-than", "0"}}) {
    const Ended ended = prune(how);
    EXPECT_EQ(ended.code, 2);
    EXPECT_TRUE(contains(ended.err, "is not marked as a cache of clbench and holds")) << ended.err;
  }
  EXPECT_TRUE(fs::exists(thesis) && fs::exists(own));
  base::prepare_cache(cache());
  EXPECT_FALSE(base::is_marked_cache(cache())) << "a folder of somebody else gets no mark that keeps backups away";
}

TEST_F(ForeignInCache, another_programs_tag_is_no_mark) {
  write("work/result.bin");
  std::ofstream(cache() / "CACHEDIR.TAG") << "Signature: 8a477f597d28d172789f06886806bc55\n# made by a compiler\n";
  EXPECT_EQ(prune().code, 2);
}

TEST_F(ForeignInCache, what_is_not_its_own_stays_and_is_counted) {
  base::prepare_cache(cache());
  ASSERT_TRUE(base::is_marked_cache(cache()));
  const std::vector<fs::path> own{write("describe/" + kKey.substr(0, 32) + ".json"),
                                  write("sha256/" + kKey + ".json"),
                                  write("data/" + kKey + "/train.decoded"),
                                  write("data/" + kKey + "/test.encoded.index"),
                                  write("data/" + kKey + ".host.12.0123456789abcdef.tmp/train.decoded.host.12.0123456789abcdef.tmp"),
                                  write("features/" + kKey + "/0123456789abcdef.safetensors")};
  std::vector<fs::path> foreign{write("notes.txt"), write("data/photo.jpg"), write("data/" + kKey + "/photo.jpg"),
                                write("features/" + kKey + "/best.safetensors"), write("features/mine/0123456789abcdef.safetensors")};
  fs::create_directories(folder_.path() / "elsewhere");
  const fs::path outside = folder_.write("elsewhere/0123456789abcdef.safetensors", "1234");
  fs::create_directory_symlink(outside.parent_path(), cache() / "features" / std::string(64, 'b'));
  fs::create_symlink(outside, cache() / "features" / kKey / "1111111111111111.safetensors");
  const Ended ended = prune();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "removed 6 files")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "7 are not the cache's and stay")) << ended.out;
  for (const fs::path& file : own) EXPECT_FALSE(fs::exists(file)) << file;
  foreign.push_back(outside);
  foreign.push_back(cache() / "features" / kKey / "1111111111111111.safetensors");
  for (const fs::path& file : foreign) EXPECT_TRUE(fs::exists(file)) << file;
  EXPECT_TRUE(base::is_marked_cache(cache()));
}

TEST_F(ForeignInCache, a_cache_older_than_the_mark_is_pruned_and_marked_when_used) {
  const fs::path own = write("sha256/" + kKey + ".json");
  EXPECT_EQ(prune().code, 0);
  EXPECT_FALSE(fs::exists(own));
  write("sha256/" + kKey + ".json");
  base::prepare_cache(cache());
  EXPECT_TRUE(base::is_marked_cache(cache()));
  EXPECT_EQ(prune().code, 0);
}

// What a real run leaves is the cache's own, all of it: a new kind of file has to be told to base/cache.cpp.
TEST_F(ForeignInCache, a_run_leaves_a_marked_cache_of_nothing_but_its_own) {
  const World world;
  const Ended ended = world.run({"--set", "run.seed=[0]"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(base::is_marked_cache(world.cache()));
  const auto foreign = base::foreign_in_cache(world.cache());
  EXPECT_FALSE(foreign) << *foreign;
  EXPECT_GE(world.cached("").size(), 5u);
}

TEST_F(ForeignInCache, doctor_leaves_a_probe_of_somebody_else) {
  const fs::path probe = write("doctor.probe");
  run_program(folder_.path(), {(fs::path(CLB_BINARY_DIR) / "bin/clbench").string(), "doctor"}, {"CLB_CACHE=" + cache().string()});
  EXPECT_EQ(base::read_file(probe), "1234");
}

}  // namespace
}  // namespace clb::testing
