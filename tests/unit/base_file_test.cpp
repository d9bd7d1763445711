#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/file_tree.hpp>
#include <clb/base/json.hpp>
#include <clb/base/paths.hpp>
#include <clb/base/sha256.hpp>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace clb::base {
namespace {

using testing::contains;
using testing::error_of;
using testing::TempFolder;

TEST(File, ReadsWholeAndRefusesWhatIsTooLong) {
  const TempFolder folder;
  const auto file = folder.write("a", std::string("x\0y", 3));
  EXPECT_EQ(read_file(file), std::string("x\0y", 3));
  EXPECT_TRUE(contains(error_of<Error>([&] { read_file(file, 2); }), "3 bytes"));
  EXPECT_TRUE(contains(error_of<Error>([&] { read_file(folder.path() / "none"); }), "none"));
  EXPECT_THROW(read_file(folder.path()), Error);
}

TEST(File, AtomicWriteReplacesAndLeavesNothingBehind) {
  const TempFolder folder;
  const auto file = folder.write("a", "old");
  write_file_atomic(file, "new");
  EXPECT_EQ(read_file(file), "new");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(File, AtomicWriteThatFailsKeepsTheOldFile) {
  const TempFolder folder;
  fs::create_directories(folder.path() / "target" / "in_use");  // a folder cannot be replaced by a file
  EXPECT_THROW(write_file_atomic(folder.path() / "target", "new"), Error);
  EXPECT_THROW(write_file_atomic(folder.path() / "missing" / "a", "new"), Error);
  EXPECT_TRUE(fs::is_directory(folder.path() / "target" / "in_use"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(File, ReadersSeeOldOrNewNeverAMixture) {
  const TempFolder folder;
  const auto file = folder.path() / "a";
  const std::string one(1 << 16, '1'), two(1 << 17, '2');
  write_file_atomic(file, one);
  const pid_t writer = fork();
  if (writer == 0) {
    for (int i = 0; i < 50; ++i) write_file_atomic(file, i % 2 ? one : two);
    _exit(0);
  }
  bool whole = true;
  while (waitpid(writer, nullptr, WNOHANG) == 0) {
    const std::string seen = read_file(file);
    whole = whole && (seen == one || seen == two);
  }
  EXPECT_TRUE(whole);
}

TEST(MappedFile, ShowsTheBytesAndMoves) {
  const TempFolder folder;
  MappedFile mapped(folder.write("a", "abc"));
  MappedFile moved(std::move(mapped));
  EXPECT_EQ(std::string(moved.bytes().begin(), moved.bytes().end()), "abc");
  moved = MappedFile(folder.write("empty", ""));
  EXPECT_TRUE(moved.bytes().empty());
  EXPECT_THROW(MappedFile(folder.path() / "none"), Error);
}

TEST(Sha256, KnowsThePublishedVectors) {
  EXPECT_EQ(hex(sha256(std::string_view("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(Sha256().finish()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 parts;
  parts.update(std::string_view("a")).update(std::string_view("bc"));
  EXPECT_EQ(parts.finish(), sha256(std::string_view("abc")));
  EXPECT_EQ(Sha256().update_u64(0x6362).finish(), sha256(std::string_view("bc\0\0\0\0\0\0", 8)));
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
  const TempFolder folder;
  const std::string bytes((3 << 20) + 17, 'q');
  EXPECT_EQ(sha256_file(folder.write("a", bytes)), sha256(std::string_view(bytes)));
  EXPECT_EQ(sha256_file(folder.write("empty", "")), sha256(std::string_view("")));
  EXPECT_TRUE(contains(error_of<Error>([&] { sha256_file(folder.path() / "none"); }), "none"));
  EXPECT_THROW(sha256_file(folder.path()), Error);
}

// That a changed file is not taken for the old one: tests/issues/replaced_file_test.cpp.
TEST(Sha256, CacheRemembersAFileThatRested) {
  const TempFolder cache;
  const fs::path file = fs::path(CLB_SOURCE_DIR) / "LICENSE";
  const std::string digest = hex(sha256_file(file));
  EXPECT_EQ(sha256_file_cached(file, cache.path()), digest);
  const fs::path note = fs::directory_iterator(cache.path() / "sha256")->path();
  Json json = parse_json(read_file(note), "note");
  json["sha256"] = std::string(64, '0');
  write_file_atomic(note, canonical(json));
  EXPECT_EQ(sha256_file_cached(file, cache.path()), digest) << "a damaged note was believed";
  json["check"] = hex(sha256(json["stamp"].get<std::string>() + " " + std::string(64, '0')));
  write_file_atomic(note, canonical(json));
  EXPECT_EQ(sha256_file_cached(file, cache.path()), std::string(64, '0')) << "the note was not used";
  write_file_atomic(note, "{damaged");
  EXPECT_EQ(sha256_file_cached(file, cache.path()), digest);
}

std::string digest(const fs::path& root) { return FileTree(root).digest(); }

TEST(FileTree, SeesEveryChange) {
  TempFolder folder;
  EXPECT_TRUE(FileTree(folder.path() / "none").entries().empty());
  std::vector<std::string> digests{digest(folder.path())};
  fs::create_directories(folder.path() / "a/b");
  digests.push_back(digest(folder.path()));
  std::ofstream(folder.path() / "a/b/file") << "1";
  digests.push_back(digest(folder.path()));
  fs::rename(folder.path() / "a/b/file", folder.path() / "a/b/other");
  digests.push_back(digest(folder.path()));
  EXPECT_EQ(digest(folder.path()), digests.back());
  for (size_t i = 1; i < digests.size(); ++i) EXPECT_NE(digests[i], digests[i - 1]) << i;
}

TEST(FileTree, FollowsLinksAndEndsInALoop) {
  TempFolder folder, elsewhere;
  std::ofstream(elsewhere.path() / "file") << "1";
  fs::create_directory_symlink(elsewhere.path(), folder.path() / "link");
  fs::create_directory_symlink(folder.path(), elsewhere.path() / "back");
  fs::create_symlink("self", folder.path() / "self");
  const std::string before = digest(folder.path());
  EXPECT_EQ(digest(folder.path()), before);
  std::ofstream(elsewhere.path() / "file") << "12";
  EXPECT_NE(digest(folder.path()), before);
}

TEST(Paths, PrefixHoldsThisProgram) {
  EXPECT_EQ(executable().parent_path().parent_path(), prefix());
  EXPECT_EQ(share(), prefix() / "share" / "clbench");
}

TEST(Paths, CacheFollowsFlagThenVariables) {
  setenv("CLB_CACHE", "/one", 1);
  setenv("XDG_CACHE_HOME", "/two", 1);
  setenv("HOME", "/home/x", 1);
  EXPECT_EQ(cache_dir("/flag"), fs::path("/flag"));
  EXPECT_EQ(cache_dir("off"), std::nullopt);
  EXPECT_EQ(cache_dir(""), fs::path("/one"));
  setenv("CLB_CACHE", "off", 1);
  EXPECT_EQ(cache_dir(""), std::nullopt);
  unsetenv("CLB_CACHE");
  EXPECT_EQ(cache_dir(""), fs::path("/two/clbench"));
  setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_EQ(cache_dir(""), fs::path("/home/x/.cache/clbench"));
}

TEST(Paths, PluginFoldersComeFromFlagsThenVariableThenPrefix) {
  setenv("CLB_PLUGIN_PATH", "/b::/c", 1);
  const auto installed = prefix() / "lib" / "clbench";
  EXPECT_EQ(plugin_folders({"/a"}), (std::vector<fs::path>{"/a", "/b", "/c", installed / "methods", installed / "datasets"}));
  unsetenv("CLB_PLUGIN_PATH");
  EXPECT_EQ(plugin_folders({}).size(), 2u);
}

}  // namespace
}  // namespace clb::base
