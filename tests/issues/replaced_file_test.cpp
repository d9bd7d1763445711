// Files replaced by others of equal size and time were taken for the old ones: what stamps, samples and hashed files tell.
#include <fcntl.h>

#include <algorithm>
#include <clb/base/content_sample.hpp>
#include <clb/base/hashed_file.hpp>
#include <clb/base/json.hpp>
#include <clb/base/sha256.hpp>
#include <limits>

#include "support/replace_file.hpp"
#include "support/temp_folder.hpp"

namespace clb::base {
namespace {

using testing::overwrite_keeping_times;
using testing::TempFolder;

// The change time steps with the kernel's clock.
void wait_for_another_tick(const fs::path& folder) {
  const auto changed = [&] {
    std::ofstream(folder / "tick") << "t";
    return stamp_of(folder / "tick")->changed;
  };
  for (const Moment first = changed(); changed() == first;) {
  }
  fs::remove(folder / "tick");
}

class ReplacedFile : public ::testing::Test {
 protected:
  TempFolder folder_;
  const fs::path file_ = folder_.write("file", "one");
};

TEST_F(ReplacedFile, HasAnotherStamp) {
  const auto before = *stamp_of(file_);
  EXPECT_EQ(stamp_of(file_), before);
  wait_for_another_tick(folder_.path());
  overwrite_keeping_times(file_, "two");
  EXPECT_NE(stamp_of(file_), before);
  EXPECT_TRUE(stamp_of(file_)->same_file(before));
}

TEST_F(ReplacedFile, HasAnotherStampWhereALinkLeadsElsewhere) {
  const fs::path other = folder_.write("other", "two"), link = folder_.path() / "link";
  struct stat status;
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  const timespec times[2] = {status.st_atim, status.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, other.c_str(), times, 0), 0);
  fs::create_symlink(file_, link);
  const auto before = *stamp_of(link);
  EXPECT_EQ(before, *stamp_of(file_));
  fs::remove(link);
  fs::create_symlink(other, link);
  EXPECT_FALSE(stamp_of(link)->same_file(before));
}

TEST(Stamp, IsBelievedOnlyLongAfterItsTimes) {
  const Moment now{1'000'000, 0};
  const auto settled = [&](int64_t modified, int64_t changed) {
    Stamp stamp;
    stamp.modified.seconds = modified;
    stamp.changed.seconds = changed;
    return stamp.settled(now);
  };
  EXPECT_TRUE(settled(999'000, 999'990));
  EXPECT_FALSE(settled(999'000, 999'999)) << "cp -p just now";
  EXPECT_FALSE(settled(999'000, 999'998)) << "FAT counts two seconds at once";
  EXPECT_FALSE(settled(999'999, 999'000));
  EXPECT_FALSE(settled(999'000, 1'000'500)) << "the clock was set back";
  EXPECT_FALSE(settled(1'000'500, 999'000));
  EXPECT_TRUE(settled(std::numeric_limits<int64_t>::min(), 999'000));
}

class ReplacedTree : public ::testing::Test {
 protected:
  ReplacedTree() {
    for (const char* version : {"v1", "v2"}) {
      fs::create_directories(folder_.path() / version / "train");
      for (int i = 0; i < 40; ++i) write(version, i);
    }
  }
  void write(const std::string& version, int i) const {
    const std::string name = version + "/train/" + std::to_string(100 + i);
    folder_.write(name, "image " + std::to_string(100 + i) + " of " + version);
  }
  fs::path at(const std::string& name) const { return folder_.path() / name; }
  TempFolder folder_;
};

TEST_F(ReplacedTree, AFolderInTheOldOnesPlaceIsSeen) {
  const std::string before = FileTree(at("v1")).digest();
  EXPECT_EQ(FileTree(at("v1")).digest(), before);
  fs::rename(at("v1"), at("old"));
  fs::rename(at("v2"), at("v1"));
  EXPECT_NE(FileTree(at("v1")).digest(), before);
}

TEST_F(ReplacedTree, AFolderThatWasAwayIsSeen) {  // its files have the stamps that they had
  const std::string before = FileTree(at("v1")).digest();
  wait_for_another_tick(folder_.path());
  fs::rename(at("v1"), at("away"));
  fs::rename(at("away"), at("v1"));
  EXPECT_NE(FileTree(at("v1")).digest(), before);
}

TEST_F(ReplacedTree, IsSettledWhenEveryEntryIs) {
  const FileTree tree(at("v1"));
  Moment later = now();
  EXPECT_FALSE(tree.settled(later));
  later.seconds += 10;
  EXPECT_TRUE(tree.settled(later));
  EXPECT_TRUE(FileTree(at("none")).entries().empty());
}

TEST_F(ReplacedTree, ASampleOfItsBytesTellsWithoutStamps) {
  const ContentSample sample{FileTree(at("v1"))};
  EXPECT_TRUE(sample.holds(at("v1")));
  EXPECT_FALSE(sample.holds(at("v2")));
  EXPECT_FALSE(sample.holds(at("none")));
  fs::copy(at("v1"), at("copy"), fs::copy_options::recursive);
  EXPECT_TRUE(sample.holds(at("copy")));
  EXPECT_TRUE(ContentSample(sample.text()).holds(at("v1")));
  EXPECT_FALSE(ContentSample(sample.text()).holds(at("v2")));
  for (const std::string& damaged : {std::string(), sample.text().substr(0, 100), std::string("clbench sample 2")})
    EXPECT_FALSE(ContentSample(damaged).holds(at("v1")));
  write("v2", 0);
  EXPECT_FALSE(ContentSample(FileTree(at("v1/train/100"))).holds(at("v2/train/100"))) << "a root that is a file";
  EXPECT_TRUE(ContentSample(FileTree(at("v1/train/100"))).holds(at("v1/train/100")));
}

TEST_F(ReplacedFile, OfAnySizeIsSampledFromItsFirstToItsLastByte) {
  std::string bytes(5'000'000, 'x');
  const fs::path large = folder_.write("large", bytes);
  const std::string before = sampled_digest(large);
  EXPECT_EQ(sampled_digest(large), before);
  bytes.front() = 'y';
  EXPECT_NE(sampled_digest(folder_.write("large", bytes)), before);
  bytes.front() = 'x';
  bytes.back() = 'y';
  EXPECT_NE(sampled_digest(folder_.write("large", bytes)), before);
  bytes.back() = 'x';
  EXPECT_EQ(sampled_digest(folder_.write("large", bytes)), before);
  EXPECT_NE(sampled_digest(folder_.write("large", bytes + "x")), before);
  EXPECT_NE(sampled_digest(file_), sampled_digest(folder_.path() / "none"));
  EXPECT_EQ(sampled_digest(folder_.path()), sampled_digest(folder_.path() / "none"));
}

TEST_F(ReplacedFile, KeepsTheHashOfTheBytesInUse) {
  HashedFile hashed(file_);
  const std::string one = hex(sha256(std::string_view("one")));
  EXPECT_EQ(hashed.sha256(), one);
  EXPECT_TRUE(hashed.unchanged() && hashed.still_in_place());
  fs::permissions(file_, fs::perms::owner_all);
  EXPECT_TRUE(hashed.unchanged()) << "only the stamp is another";
  fs::rename(folder_.write("new", "two"), file_);
  EXPECT_TRUE(hashed.unchanged()) << "what is mapped is still there";
  EXPECT_FALSE(hashed.still_in_place());
  EXPECT_EQ(hashed.sha256(), one);
}

TEST_F(ReplacedFile, ThatIsWrittenIntoIsNoticed) {
  for (const char* bytes : {"two", "longer", "s"}) {
    const fs::path file = folder_.write("mapped", "one");
    HashedFile hashed(file);
    hashed.sha256();
    std::ofstream(file, std::ios::binary) << bytes;
    EXPECT_FALSE(hashed.unchanged()) << bytes;
    EXPECT_FALSE(hashed.unchanged()) << "nor the second time";
    EXPECT_TRUE(hashed.still_in_place());
  }
}

// A note that the file's stamp fits, as if it had been settled, with the digest "f...".
void forge_note(const fs::path& file, const fs::path& cache, const std::string& sample) {
  const std::string name = hex(sha256(fs::absolute(file).lexically_normal().string()));
  fs::create_directories(cache / "sha256");
  const std::string stamp = stamp_of(file)->text(), digest(64, 'f');
  const Json note{
      {"file", file.string()}, {"stamp", stamp}, {"sample", sample}, {"sha256", digest}, {"check", hex(sha256(stamp + " " + digest))}};
  write_file_atomic(cache / "sha256" / (name + ".json"), canonical(note));
}

TEST_F(ReplacedFile, ADigestIsRememberedForAStampAndASample) {
  const TempFolder cache;
  const std::string one = hex(sha256(std::string_view("one")));
  EXPECT_EQ(sha256_file_cached(file_, cache.path()), one);
  EXPECT_FALSE(fs::exists(cache.path() / "sha256")) << "a file written just now is not remembered";
  forge_note(file_, cache.path(), sampled_digest(file_));
  EXPECT_EQ(sha256_file_cached(file_, cache.path()), std::string(64, 'f'));
  wait_for_another_tick(folder_.path());
  overwrite_keeping_times(file_, "two");
  EXPECT_EQ(sha256_file_cached(file_, cache.path()), hex(sha256(std::string_view("two"))));
  forge_note(file_, cache.path(), std::string(64, '0'));
  EXPECT_EQ(sha256_file_cached(file_, cache.path()), hex(sha256(std::string_view("two")))) << "its stamp is that of another file's bytes";
}

}  // namespace
}  // namespace clb::base
