// A cache that cannot be written costs the cache, not the run.
#include <sys/mount.h>

#include "e2e/cli.hpp"

namespace {

namespace fs = std::filesystem;
using clb::testing::World;

TEST(UnwritableCache, AFileInTheWayOfEachFolder) {
  const World world;
  fs::create_directories(world.cache());
  for (const char* kind : {"describe", "data", "features", "sha256"}) std::ofstream(world.cache() / kind) << "in the way";
  const auto ended = world.run();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.err.find("samples are read from the dataset itself"), std::string::npos) << ended.err;
  const auto with = world.newest();
  ASSERT_EQ(world.run({"--again", "--cache", (world.path() / "other").string()}).code, 0);
  EXPECT_EQ(world.newest().prediction, with.prediction);
}

TEST(UnwritableCache, AFullDisk) {
  const World world;
  fs::create_directories(world.cache());
  if (mount("tmpfs", world.cache().c_str(), "tmpfs", 0, "size=40k") != 0) GTEST_SKIP() << "this process may not mount a tmpfs";
  const auto ended = world.run();
  umount2(world.cache().c_str(), MNT_DETACH);
  EXPECT_EQ(ended.code, 0) << ended.err;
}

}  // namespace
