// Archives that are what they should be, and those that are not.
#include <clb/fetch/unpack.hpp>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <csignal>

#include "errors.hpp"
#include "made_archive.hpp"
#include "temp_folder.hpp"

namespace clb::fetch {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::MadeEntry;
using testing::make_archive;

const std::vector<MadeEntry> kGood{
    {"photos/", "", 'd'}, {"photos/a.jpg", "first"}, {"photos/more/b.jpg", std::string(300'000, 'b')}, {"./list.txt", ""}};

class Unpack : public ::testing::Test {
 protected:
  fs::path made(const std::vector<MadeEntry>& entries, const std::string& format = "tar") {
    fs::create_directories(folder_.path() / "archives");
    return make_archive(folder_.path() / "archives" / ("made." + format), format, entries);
  }
  fs::path into() const { return folder_.path() / "a" / "into"; }
  void unpack_all(const fs::path& archive, const Limits& limits = {}) {
    fs::create_directories(into());
    unpack(archive, into(), limits);
  }
  // Both passes refuse it with the same sentence, and nothing lies outside of the folder.
  std::string refusal(const fs::path& archive, const Limits& limits = {}) {
    fs::remove_all(into());
    const std::string looked = testing::error_of<base::Error>([&] { look_into(archive, limits); });
    EXPECT_EQ(testing::error_of<base::Error>([&] { unpack_all(archive, limits); }), looked);
    EXPECT_TRUE(looked.starts_with(archive.string() + ": ")) << looked;
    EXPECT_EQ(looked.find('\n'), std::string::npos) << looked;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      const std::string path = entry.path().string();
      const bool ours = path == folder_.path() / "a" || path.starts_with((folder_.path() / "archives").string());
      EXPECT_TRUE(ours || path == into() || path.starts_with(into().string() + "/")) << path;
    }
    return looked;
  }

  testing::TempFolder folder_;
};

TEST_F(Unpack, AllKindsOfArchives) {
  for (const char* format : {"tar", "tar.gz", "tar.xz", "zip"}) {
    const fs::path archive = made(kGood, format);
    const Contents contents = look_into(archive);
    EXPECT_EQ(contents.entries, 4u) << format;
    EXPECT_EQ(contents.bytes, 300'005u) << format;
    EXPECT_EQ(contents.top, (std::set<std::string>{"photos", "list.txt"})) << format;
    unpack_all(archive);
    EXPECT_EQ(base::read_file(into() / "photos/a.jpg"), "first") << format;
    EXPECT_EQ(base::read_file(into() / "photos/more/b.jpg"), std::string(300'000, 'b')) << format;
    EXPECT_EQ(base::read_file(into() / "list.txt"), "") << format;
    fs::remove_all(into());
  }
}

TEST_F(Unpack, NamesOfOtherLanguagesStay) {
  const std::string name =
      "bilder/gr\xc3\xbc\xc3\x9f"
      "e.jpg";
  for (const char* format : {"tar", "zip"}) {
    unpack_all(made({{name, "x"}}, format));
    EXPECT_TRUE(fs::exists(into() / name)) << format;
    fs::remove_all(into());
  }
}

TEST_F(Unpack, LinksWithinItStay) {
  unpack_all(made({{"a/one", "1"}, {"b/two", "../a/one", 's'}, {"c", "a/one", 'h'}}));
  EXPECT_EQ(base::read_file(into() / "b/two"), "1");
  EXPECT_TRUE(fs::is_symlink(into() / "b/two"));
  EXPECT_EQ(fs::hard_link_count(into() / "c"), 2u);
}

TEST_F(Unpack, NamesThatLeadOutside) {
  for (const char* name : {"../evil", "a/../../evil", "/tmp/clb_evil", "a/..", "..", "new\nline", "\x1b[2Jred"})
    EXPECT_TRUE(
        contains(refusal(made({{"good", "1"}, {name, "2"}})), "would land outside of the folder, or has a name with control characters"))
        << name;
  EXPECT_FALSE(fs::exists("/tmp/clb_evil"));
  const std::string zip = refusal(made({{"../evil", "2"}}, "zip"));
  EXPECT_TRUE(contains(zip, "made.zip: the entry \"../evil\" would land outside")) << zip;
}

// libarchive's names end at the NUL, whatever stands behind it.
TEST_F(Unpack, ANulInANameHidesNothing) {
  const fs::path archive = made({{"short/name_with_a_mark", "1"}}, "zip");
  std::string bytes = base::read_file(archive);
  for (size_t at = 0; (at = bytes.find("_with_a_mark", at)) != std::string::npos;) bytes.replace(at, 12, std::string("\0/../../../x", 12));
  testing::write_file(archive, bytes);
  std::string said;
  try {
    unpack_all(archive);
  } catch (const base::Error& error) {
    said = error.what();
  }
  size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) files += entry.is_regular_file();
  EXPECT_EQ(files, said.empty() ? 2u : 1u) << said;
  EXPECT_TRUE(!said.empty() || fs::exists(into() / "short/name")) << "it landed elsewhere";
}

TEST_F(Unpack, LinksThatLeadOutside) {
  for (const char* target : {"/etc/passwd", "../outside", "x/../../outside", ".."}) {
    const std::string said = refusal(made({{"good", "1"}, {"link", target, 's'}}));
    EXPECT_TRUE(contains(said, "the entry \"link\" is a link to \"" + std::string(target) + "\", which leads outside")) << said;
  }
  for (const char* target : {"/etc/passwd", "../outside", "nothing", "later"}) {
    const std::string said = refusal(made({{"good", "1"}, {"link", target, 'h'}, {"later", "2"}}));
    EXPECT_TRUE(contains(said, "is a link to \"" + std::string(target) + "\", which is no file of the archive before it")) << said;
  }
}

// Each link by itself stays inside; through the first the second does not.
TEST_F(Unpack, LinksThroughLinks) {
  const fs::path archive = made({{"deep/", "", 'd'}, {"here", ".", 's'}, {"here/up", "../outside", 's'}});
  EXPECT_NO_THROW(look_into(archive));
  const std::string said = testing::error_of<base::Error>([&] { unpack_all(archive); });
  EXPECT_TRUE(contains(said, "the entry \"here/up\" is a link to \"../outside\", which leads outside")) << said;
}

// A file "through" a link lands in a folder of that name, and the link is refused.
TEST_F(Unpack, FilesThroughLinks) {
  fs::create_directories(folder_.path() / "victim");
  const fs::path archive = made({{"there", "photos", 's'}, {"photos/", "", 'd'}, {"there/file", "1"}});
  EXPECT_TRUE(contains(testing::error_of<base::WriteError>([&] { unpack_all(archive); }), "there: cannot be written: File exists"));
  EXPECT_FALSE(fs::exists(into() / "photos/file"));
}

TEST_F(Unpack, DevicesAndPipes) {
  for (const char kind : {'p', 'c'})
    EXPECT_TRUE(contains(refusal(made({{"thing", "", kind}})), "the entry \"thing\" is no file, folder or link"));
}

TEST_F(Unpack, OneNameTwice) {
  EXPECT_TRUE(contains(refusal(made({{"a", "1"}, {"./a", "2"}})), "the entry \"./a\" is there twice"));
  unpack_all(made({{"d/", "", 'd'}, {"d/", "", 'd'}, {"d/x", "1"}}));
}

TEST_F(Unpack, Bombs) {
  const fs::path zeros = made({{"zeros", std::string(4'000'000, '\0')}}, "tar.gz");
  ASSERT_LT(fs::file_size(zeros), 10'000u);
  EXPECT_NO_THROW(look_into(zeros));  // small texts may be packed like that
  const std::string ratio = refusal(zeros, {.whatever_ratio = 1'000'000});
  EXPECT_TRUE(contains(ratio, "the entry \"zeros\" makes it ")) << ratio;
  EXPECT_TRUE(contains(ratio, " times as large as the archive is; 200 times is the most")) << ratio;
  EXPECT_TRUE(contains(refusal(zeros, {.bytes = 3'999'999}), "makes it more than 3999999 bytes, the most that are unpacked"));
  EXPECT_TRUE(contains(refusal(made({{"1", ""}, {"2", ""}, {"3", ""}}), {.entries = 2}), "the entry \"3\" is one more than 2"));
}

TEST_F(Unpack, Damage) {
  for (const char* format : {"tar.gz", "tar.xz", "zip"}) {
    std::string noise(200'000, '\0');
    for (size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>((i * i * 2654435761u) >> 13);
    const fs::path archive = made({{"noise", noise}}, format);
    const std::string bytes = base::read_file(archive);
    testing::write_file(archive, bytes.substr(0, bytes.size() / 2));
    EXPECT_TRUE(contains(refusal(archive), "cannot be read (")) << format;
    std::string wrong = bytes;
    wrong[wrong.size() / 2] = static_cast<char>(wrong[wrong.size() / 2] ^ 0x55);
    testing::write_file(archive, wrong);
    EXPECT_TRUE(contains(refusal(archive), "the archive is damaged, incomplete or of another kind")) << format;
  }
}

TEST_F(Unpack, APasswordIsNoDamage) {
  const fs::path archive = made({{"photos/a.jpg", "first"}}, "zip");
  std::string bytes = base::read_file(archive);
  bytes[bytes.find("PK\x03\x04") + 6] |= 1;  // the flag of both headers
  bytes[bytes.find("PK\x01\x02") + 8] |= 1;
  testing::write_file(archive, bytes);
  EXPECT_EQ(refusal(archive), archive.string() + ": the archive is protected by a password, which clbench does not ask for");
}

TEST_F(Unpack, WhatIsNoArchive) {
  EXPECT_TRUE(contains(refusal(made({})), "the archive holds no files"));
  for (const char* text : {"", "<html>Please log in</html>", "PK\x03\x04"}) {
    const fs::path file = folder_.path() / "archives" / "made.tar";
    testing::write_file(file, text);
    EXPECT_FALSE(refusal(file).empty()) << text;
  }
}

TEST_F(Unpack, AFullDiskIsOneSentence) {
  const fs::path archive = made(kGood);
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{100'000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string said = testing::error_of<base::WriteError>([&] { unpack_all(archive); });
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_TRUE(contains(said, "b.jpg: cannot be written: File too large; make room")) << said;
}

TEST_F(Unpack, ProgressIsToldInBytesOfTheArchive) {
  const fs::path archive = made(kGood);
  uint64_t last = 0;
  look_into(archive, {}, [&](const std::string& what, uint64_t done, uint64_t all) {
    EXPECT_EQ(what, "looked at");
    EXPECT_EQ(all, fs::file_size(archive));
    EXPECT_GE(done, last);
    last = done;
  });
  EXPECT_GT(last, 300'000u);
}

}  // namespace
}  // namespace clb::fetch
