// Python's CIFAR-100, archives and pointers in place of data were told as missing or damaged files.
#include "e2e/cli.hpp"
#include "errors.hpp"

namespace clb::testing {
namespace {

class Form : public ::testing::Test {
 protected:
  std::string said(const std::string& dataset, const std::string& root = "") const {
    const fs::path tree = CLB_BINARY_DIR;
    const Ended ended = run_program(folder_.path(), {tree / "bin/clb-runner", "describe", tree / "lib/clbench/datasets" / (dataset + ".so"),
                                                     "--root", (folder_.path() / root).string(), "--cache", "off"});
    EXPECT_EQ(ended.code, 2) << ended.err;
    return ended.err;
  }

  TempFolder folder_;
};

TEST_F(Form, PythonsCifar) {
  for (const char* name : {"train", "test", "meta"}) folder_.write(name, "\x80\x02}q\x01.");
  EXPECT_TRUE(contains(said("cifar100"), "holds the Python version of CIFAR-100 (train)")) << said("cifar100");
  EXPECT_TRUE(contains(said("cifar100"), "cifar-100-binary.tar.gz")) << said("cifar100");
  EXPECT_TRUE(contains(said("cifar100", "train"), "is a file, but a folder is needed")) << said("cifar100", "train");
}

TEST_F(Form, APointerInPlaceOfRecords) {
  for (const char* name : {"train.bin", "test.bin", "train-images-idx3-ubyte.gz", "train.safetensors"})
    folder_.write(name, "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12\n");
  for (const char* dataset : {"cifar100", "fashion_mnist", "features"})
    EXPECT_TRUE(contains(said(dataset), "is a Git-LFS pointer")) << dataset;
}

TEST_F(Form, APointerInPlaceOfADatabaseOrAnExperiment) {
  for (const char* name : {"runs.sqlite", "x.toml"}) folder_.write(name, "version https://git-lfs.github.com/spec/v1\n");
  const std::string clbench = std::string(CLB_BINARY_DIR) + "/bin/clbench";
  const Ended table = run_program(folder_.path(), {clbench, "table", "--db", (folder_.path() / "runs.sqlite").string()});
  const Ended run = run_program(folder_.path(), {clbench, "tasks", (folder_.path() / "x.toml").string(), "--cache", "off"});
  for (const Ended& ended : {table, run}) {
    EXPECT_EQ(ended.code, 2);
    EXPECT_TRUE(contains(ended.err, "is a Git-LFS pointer")) << ended.err;
  }
}

}  // namespace
}  // namespace clb::testing
