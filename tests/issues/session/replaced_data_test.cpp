// A decoded store stood for files that had been replaced by others of equal size and time.
#include <clb/base/error.hpp>

#include "session/made_session.hpp"
#include "support/errors.hpp"
#include "support/replace_file.hpp"

namespace {

using namespace clb;
using clb::testing::contains;
using clb::testing::error_of;
using data::Split;
namespace fs = std::filesystem;

class ReplacedData : public clb::testing::MadeSession {
 protected:
  ReplacedData() {
    cache_ = folder_.path().string() + "_cache";
    spec_.execution.cache_dir = cache_;
    describe();
  }
  ~ReplacedData() override { fs::remove_all(cache_); }

  base::DatasetInfo describe() const {
    return base::DatasetInfo::from_json(
        session::describe({.file = spec_.dataset.file, .open = true, .root = spec_.dataset.root, .cache_dir = cache_}), "describe");
  }
  fs::path images() const { return folder_.path() / "train-images-idx3-ubyte"; }
  fs::path store() const { return fs::path(cache_) / "data" / spec_.dataset.fingerprint; }
  std::vector<fs::path> proofs() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(store()))
      if (entry.path().filename().string().starts_with("files-")) files.push_back(entry.path());
    return files;
  }
  // The same images with one bit flipped in each.
  void replace() const {
    std::string bytes = base::read_file(images());
    for (size_t at = 16; at < bytes.size(); at += 28 * 28) bytes[at] = static_cast<char>(bytes[at] ^ 1);
    clb::testing::overwrite_keeping_times(images(), bytes);
  }
  int first_pixel() { return open(0)->store.read(Split::kTrain, 0).bytes[0]; }

  std::string cache_;
};

TEST_F(ReplacedData, IsNoticedWhenTheStoreIsOpened) {
  EXPECT_EQ(open(0)->store.images_read(), 0);
  ASSERT_EQ(proofs().size(), 1u);
  EXPECT_EQ(first_pixel(), 0);
  replace();
  EXPECT_TRUE(contains(error_of<base::Error>([&] { open(0); }), "plan it again"));
  const auto info = describe();
  EXPECT_NE(info.fingerprint, spec_.dataset.fingerprint);
  spec_.dataset.fingerprint = info.fingerprint;
  EXPECT_EQ(first_pixel(), 1);
  replace();
  EXPECT_TRUE(contains(error_of<base::Error>([&] { open(0); }), "plan it again")) << "back again: the store of the others does not serve";
}

TEST_F(ReplacedData, IsNoticedWithoutACache) {
  spec_.execution.cache_dir = "";
  open(0);
  replace();
  EXPECT_TRUE(contains(error_of<base::Error>([&] { open(0); }), "plan it again"));
}

TEST_F(ReplacedData, AStoreWithoutAProofIsBuiltOnceMore) {
  for (const bool damaged : {false, true}) {
    for (const fs::path& proof : proofs())
      if (damaged)
        std::ofstream(proof) << "clbench sample";
      else
        fs::remove(proof);
    EXPECT_EQ(open(0)->store.images_read(), 0);
    ASSERT_EQ(proofs().size(), 1u);
    EXPECT_GT(fs::file_size(proofs()[0]), 50u);
  }
  fs::remove(proofs()[0]);
  replace();
  EXPECT_THROW(open(0), base::Error);
  EXPECT_TRUE(proofs().empty());
}

TEST_F(ReplacedData, EqualFilesInAnotherFolderProveTheStoreToo) {
  const clb::testing::TempFolder copy;
  fs::copy(folder_.path(), copy.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  spec_.dataset.root = copy.path().string();
  open(0);
  EXPECT_EQ(proofs().size(), 2u);
}

TEST_F(ReplacedData, AStoreOfOtherFilesUnderThisFingerprintIsReplaced) {
  const fs::path before = store();
  replace();
  spec_.dataset.fingerprint = describe().fingerprint;
  fs::remove_all(store());
  fs::rename(before, store());
  EXPECT_EQ(first_pixel(), 1);
}

TEST_F(ReplacedData, WithoutItsFilesTheStoreStillServes) {
  fs::remove_all(folder_.path());
  EXPECT_EQ(open(0)->store.labels(Split::kTrain).size(), 10u * clb::testing::kTrain);
}

}  // namespace
