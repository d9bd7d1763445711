// After the quickstart's build of a part "no dataset cifar100 is installed" said nothing of the build, and `cmake --install` left half a
// prefix.
#include "e2e/cli.hpp"
#include "errors.hpp"

namespace clb::testing {
namespace {

class NotBuilt : public ::testing::Test {
 protected:
  NotBuilt() {
    fs::create_directories(folder_.path() / "bin");
    fs::create_directories(folder_.path() / "lib/clbench/datasets");
    fs::copy_file(fs::path(CLB_BINARY_DIR) / "bin/clbench", folder_.path() / "bin/clbench");
    folder_.write("lib/clbench/build_tree.txt", "dataset cifar100\nmethod ranpac\n");
    fs::create_symlink(fs::path(CLB_SOURCE_DIR) / "share", folder_.path() / "share_of_tree");
    fs::create_directories(folder_.path() / "share");
    fs::create_symlink(fs::path(CLB_SOURCE_DIR) / "share", folder_.path() / "share/clbench");
  }
  Ended clbench(std::vector<std::string> words) const {
    words.insert(words.begin(), {"/usr/bin/env", "-C", folder_.path().string(), (folder_.path() / "bin/clbench").string()});
    return run_program(folder_.path(), words, {"CLB_CACHE=off"});
  }

  TempFolder folder_;
};

TEST_F(NotBuilt, TheCommandThatBuildsItIsSaid) {
  const std::string command = "cmake --build " + folder_.path().string() + " --target dataset_cifar100";
  EXPECT_TRUE(contains(clbench({"info", "cifar100"}).err, "the dataset cifar100 is not built yet; build it with `cmake --build . --target"))
      << clbench({"info", "cifar100"}).err << command;
  folder_.write("x.toml",
                "[dataset]\nid = \"cifar100\"\n[protocol]\nsplit = \"B0-Inc10\"\norder = \"seed\"\n[[method]]\nid = \"ranpac\"\n");
  const Ended run = clbench({"run", "x.toml"});
  EXPECT_EQ(run.code, 2);
  EXPECT_TRUE(contains(run.err, "the method ranpac is not built yet")) << run.err;
  EXPECT_TRUE(contains(clbench({"list"}).out, "not built yet: cifar100, ranpac; `cmake --build .` builds all")) << clbench({"list"}).out;
}

TEST_F(NotBuilt, AnUnknownNameIsNeitherMethodNorDataset) {
  const Ended unknown = clbench({"info", "qqqqqqqq"}), near = clbench({"info", "cifar1000"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_TRUE(contains(unknown.err, "no method, dataset, preset or experiment is called 'qqqqqqqq'")) << unknown.err;
  EXPECT_TRUE(contains(near.err, "did you mean 'cifar100'?")) << near.err;
  EXPECT_TRUE(contains(clbench({"info", "demo"}).err, "demo is an experiment")) << clbench({"info", "demo"}).err;
}

TEST_F(NotBuilt, NothingIsInstalledFromABuildInPart) {
  const std::string tree = folder_.path().string();
  folder_.write("cmake_install.cmake", "include(\"" + tree + "/inner_cmake_install.cmake\")\nif(FALSE)\n  include(\"" + tree +
                                           "/inner/cmake_install.cmake\")\nendif()\n");
  fs::create_directories(folder_.path() / "inner");
  folder_.write("inner/cmake_install.cmake", "file(INSTALL DESTINATION \"x\" TYPE EXECUTABLE FILES \"" + tree +
                                                 "/bin/clbench\")\nfile(INSTALL DESTINATION \"y\" TYPE MODULE FILES \"" + tree +
                                                 "/lib/aper.so\")\n");
  const std::vector<std::string> check{"/usr/bin/cmake", "-DBUILD=" + tree, "-DSOURCE=" + tree, "-P",
                                       std::string(CLB_SOURCE_DIR) + "/cmake/CheckBuilt.cmake"};
  const Ended missing = run_program(folder_.path(), check);
  EXPECT_NE(missing.code, 0);
  EXPECT_TRUE(contains(missing.err, "1 files are not built yet (lib/aper.so")) << missing.err;
  folder_.write("lib/aper.so", "");
  EXPECT_EQ(run_program(folder_.path(), check).code, 0);
}

}  // namespace
}  // namespace clb::testing
