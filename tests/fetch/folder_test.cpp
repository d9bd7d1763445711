// A folder that files are fetched into: what is there stays, what is half there is finished, what is somebody's is left alone.
#include <clb/fetch/folder.hpp>

#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/sha256.hpp>
#include <cstdlib>
#include <memory>
#include <thread>

#include "errors.hpp"
#include "loopback_server.hpp"
#include "made_archive.hpp"
#include "temp_folder.hpp"

namespace clb::fetch {
namespace {

namespace fs = std::filesystem;
using testing::contains;

class FetchedFolder : public ::testing::Test {
 protected:
  FetchedFolder() {
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    serve({{"photos/a.jpg", "first"}, {"photos/b.jpg", "second"}});
    server_ = std::make_unique<testing::LoopbackServer>(
        [this](const testing::HttpRequest& request, size_t) { return testing::file_answer(request, bytes_, "\"" + sha256() + "\""); });
    options_.tries = 2;
    options_.pause = std::chrono::milliseconds(1);
    options_.stall = std::chrono::milliseconds(2000);
    options_.note = [this](const std::string& sentence) { notes_ += sentence + "\n"; };
  }
  void serve(const std::vector<testing::MadeEntry>& entries) {
    const std::string made = base::read_file(testing::make_archive(scratch_.path() / "served.tar", "tar", entries));
    if (!server_)
      bytes_ = made;
    else
      server_->between_answers([&] { bytes_ = made; });
  }
  std::string sha256() const { return base::hex(base::sha256(bytes_)); }
  Item item(const std::optional<std::string>& unpack = "") const { return {"photos.tar", {.urls = {server_->url("/photos.tar")}}, unpack}; }
  bool get(const Item& wanted) { return Folder(root(), options_).get(wanted); }
  std::string refusal(const Item& wanted) {
    return testing::error_of<base::Error>([&] { get(wanted); });
  }
  fs::path root() const { return folder_.path() / "data" / "photos"; }
  // Names at the top of the folder, without our own.
  std::set<std::string> names() const {
    std::set<std::string> all;
    for (const auto& entry : fs::directory_iterator(root()))
      if (entry.path().filename() != kOwnFolder) all.insert(entry.path().filename().string());
    return all;
  }

  testing::TempFolder folder_, scratch_;
  std::string bytes_, notes_;
  std::unique_ptr<testing::LoopbackServer> server_;
  Options options_;
};

TEST_F(FetchedFolder, FetchedAndUnpackedOnce) {
  EXPECT_EQ(state_of(root(), item()), State::kAbsent);
  EXPECT_TRUE(get(item()));
  EXPECT_EQ(state_of(root(), item()), State::kComplete);
  EXPECT_EQ(names(), (std::set<std::string>{"photos", "photos.tar"}));
  EXPECT_EQ(base::read_file(root() / "photos/b.jpg"), "second");
  EXPECT_TRUE(get(item()));
  EXPECT_EQ(server_->requests().size(), 1u);
  EXPECT_EQ(difference(root(), item()), "");
  size_t own = 0;
  for (const auto& entry : fs::directory_iterator(root() / kOwnFolder)) own += entry.exists();
  EXPECT_EQ(own, 3u) << "more than the record, the list of files and the lock";
}

TEST_F(FetchedFolder, IntoAFolderOfItsOwn) {
  EXPECT_TRUE(get(item("lists/of/l2p")));
  EXPECT_EQ(base::read_file(root() / "lists/of/l2p/photos/a.jpg"), "first");
  EXPECT_TRUE(get(item({})));  // as it is
}

TEST_F(FetchedFolder, TheArchiveMayGoOnceItIsUnpacked) {
  get(item());
  fs::remove(root() / "photos.tar");
  EXPECT_EQ(state_of(root(), item()), State::kComplete);
  EXPECT_EQ(difference(root(), item()), "");
  get(item());
  EXPECT_EQ(server_->requests().size(), 1u);
}

TEST_F(FetchedFolder, WhatWasRemovedSinceComesAgainAndTheRestStays) {
  serve({{"photos/a.jpg", "first"}, {"more/c.jpg", "third"}});
  get(item());
  testing::write_file(root() / "photos/own.txt", "mine");
  fs::remove_all(root() / "more");
  EXPECT_EQ(state_of(root(), item()), State::kFetched);
  get(item());
  EXPECT_EQ(base::read_file(root() / "more/c.jpg"), "third");
  EXPECT_EQ(base::read_file(root() / "photos/own.txt"), "mine");
}

TEST_F(FetchedFolder, SomebodysFolderIsLeftAlone) {
  testing::write_file(root() / "photos/mine.jpg", "mine");
  const std::string said = refusal(item());
  EXPECT_EQ(said, (root() / "photos").string() +
                      ": is there and was not unpacked by clbench, but photos.tar holds it too; move it away and call again");
  EXPECT_EQ(base::read_file(root() / "photos/mine.jpg"), "mine");
  EXPECT_FALSE(fs::exists(root() / "photos/a.jpg"));
  EXPECT_EQ(state_of(root(), item()), State::kFetched);
  fs::remove_all(root() / "photos");
  get(item());
  EXPECT_EQ(server_->requests().size(), 1u);
}

TEST_F(FetchedFolder, WhatAPersonPutThereIsUsed) {
  Item by_hand = item();
  by_hand.source.urls.clear();
  EXPECT_FALSE(get(by_hand));
  testing::write_file(root() / "photos.tar", bytes_);
  EXPECT_TRUE(get(by_hand));
  EXPECT_EQ(base::read_file(root() / "photos/a.jpg"), "first");
  EXPECT_EQ(server_->requests().size(), 0u);
}

TEST_F(FetchedFolder, AnotherFileOfTheNameIsLeftAlone) {
  Item wanted = item();
  wanted.source.digest = {"sha256", sha256()};
  testing::write_file(root() / "photos.tar", "mine");
  const std::string said = refusal(wanted);
  EXPECT_TRUE(contains(said, "photos.tar: is there and was not fetched by clbench; it has SHA-256 ")) << said;
  EXPECT_EQ(base::read_file(root() / "photos.tar"), "mine");
}

TEST_F(FetchedFolder, WithoutAPublishedDigestTheFirstIsRemembered) {
  get(item({}));
  fs::remove(root() / "photos.tar");
  serve({{"photos/a.jpg", "another"}});
  const std::string said = refusal(item({}));
  EXPECT_TRUE(contains(said, "but what was fetched before (noted in " + (root() / kOwnFolder / "fetched.json").string())) << said;
  EXPECT_FALSE(fs::exists(root() / "photos.tar"));
  fs::remove(root() / kOwnFolder / "fetched.json");
  EXPECT_TRUE(get(item({})));
}

TEST_F(FetchedFolder, ChangedFilesAreFoundOut) {
  get(item());
  std::string bytes = base::read_file(root() / "photos.tar");
  bytes[600] = static_cast<char>(bytes[600] ^ 1);
  testing::write_file(root() / "photos.tar", bytes);
  EXPECT_TRUE(contains(difference(root(), item()), "photos.tar: has SHA-256 "));
  Item stated = item();
  stated.source.size = bytes.size() + 1;
  EXPECT_TRUE(contains(difference(root(), stated), "bytes, not "));
  EXPECT_TRUE(contains(difference(root() / "nowhere", item()), "is not there"));
}

TEST_F(FetchedFolder, ARefusedArchiveLeavesNothing) {
  serve({{"photos/a.jpg", "first"}, {"../evil", "1"}});
  const std::string said = refusal(item());
  EXPECT_TRUE(contains(said, "photos.tar.part: the entry \"../evil\" would land outside")) << said;
  EXPECT_EQ(names(), std::set<std::string>{});
  for (const char* name : {kOwnFolder, "photos.tar"}) {
    serve({{name, "1"}});
    fs::remove_all(root());
    EXPECT_TRUE(contains(refusal(item()), "which cannot stand beside it")) << name;
  }
}

TEST_F(FetchedFolder, AfterADamagedArchiveTheNextMirrorIsAsked) {
  const testing::LoopbackServer damaged([this](const testing::HttpRequest& request, size_t) {
    return testing::file_answer(request, std::string(bytes_.size(), 'x'), "\"d\"");
  });
  Item wanted = item();
  wanted.source.urls.insert(wanted.source.urls.begin(), damaged.url("/photos.tar"));
  EXPECT_TRUE(get(wanted));
  EXPECT_EQ(damaged.requests().size(), 1u);
  EXPECT_EQ(base::read_file(root() / "photos/a.jpg"), "first");
  EXPECT_EQ(Record(root()).find("photos.tar")->url, server_->url("/photos.tar"));
}

TEST_F(FetchedFolder, WhatIsMissingOfAnArchiveIsNamed) {
  serve({{"photos/a.jpg", "first"}, {"photos/b.jpg", "second"}, {"photos/sky/c.jpg", "third"}, {"photos/sky/d.jpg", "fourth"}});
  get(item());
  EXPECT_EQ(difference(root(), item()), "");
  fs::remove(root() / "photos/b.jpg");
  EXPECT_EQ(difference(root(), item()), root().string() + ": 1 of the 4 files that photos.tar held are missing: photos/b.jpg");
  fs::remove_all(root() / "photos/sky");
  testing::write_file(root() / "photos/a.jpg", "changed");
  fs::remove(root() / "photos.tar");
  EXPECT_EQ(difference(root(), item()),
            root().string() +
                ": 3 of the 4 files that photos.tar held are missing: photos/b.jpg, photos/sky/ (2 files); 1 of "
                "the files that photos.tar held has another size: photos/a.jpg");
  fs::remove_all(root() / "photos");
  EXPECT_TRUE(contains(difference(root(), item()), "missing: photos/ (4 files)")) << difference(root(), item());
  testing::write_file(root() / kOwnFolder / "files/photos.tar.txt", "5\t../../x\n");
  EXPECT_TRUE(contains(difference(root(), item()), "photos.tar.txt: is no record of what was unpacked"));
}

TEST_F(FetchedFolder, ARefusedArchiveIsNoMeasureOfTheNext) {
  const std::string whole = bytes_;
  fs::create_directories(root());
  Item by_hand = item();
  by_hand.source.urls.clear();
  base::write_file_atomic(root() / "photos.tar", "no archive");
  EXPECT_FALSE(refusal(by_hand).empty());
  base::write_file_atomic(root() / "photos.tar", whole);
  EXPECT_TRUE(get(by_hand));
  EXPECT_EQ(base::read_file(root() / "photos/a.jpg"), "first");
}

// A call that ended between two renames: its own folders are replaced, what it left is swept up.
TEST_F(FetchedFolder, AnInterruptedUnpackingIsDoneAgain) {
  get(item());
  Record record(root());
  Fetched half = *record.find("photos.tar");
  half.complete = false;
  record.set("photos.tar", half);
  fs::remove(root() / "photos/b.jpg");
  fs::create_directories(root() / kOwnFolder / "unpacked.host.12.0123456789abcdef.tmp" / "photos");
  EXPECT_EQ(state_of(root(), item()), State::kFetched);
  get(item());
  EXPECT_EQ(base::read_file(root() / "photos/b.jpg"), "second");
  size_t own = 0;
  for (const auto& entry : fs::directory_iterator(root() / kOwnFolder)) own += entry.exists();
  EXPECT_EQ(own, 3u);
}

TEST_F(FetchedFolder, ARecordCannotNameWhatLiesOutside) {
  testing::write_file(
      root() / kOwnFolder / "fetched.json",
      R"({"version":1,"files":{"photos.tar":{"url":"","sha256":"","size":0,"unpacked":["../../x","photos","/etc"],"complete":false}}})");
  EXPECT_EQ(Record(root()).find("photos.tar")->unpacked, std::vector<std::string>{"photos"});
  testing::write_file(root() / kOwnFolder / "fetched.json", "[]");
  EXPECT_TRUE(contains(refusal(item()), "fetched.json: is no record of what was fetched"));
}

TEST_F(FetchedFolder, TwoAtATimeFetchOnce) {
  std::string second_notes;
  Options second = options_;
  second.note = [&](const std::string& sentence) { second_notes += sentence; };
  auto first = std::make_unique<Folder>(root(), options_);
  std::thread other([&] { Folder(root(), second).get(item()); });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  first->get(item());
  first.reset();
  other.join();
  EXPECT_EQ(server_->requests().size(), 1u);
  EXPECT_TRUE(contains(second_notes, " fetches into it; waiting")) << second_notes;
}

}  // namespace
}  // namespace clb::fetch
