// clbench data: data sets and weights by name, fetched from a server on the loopback interface.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <clb/base/file.hpp>
#include <clb/base/safetensors.hpp>
#include <clb/base/sha256.hpp>
#include <csignal>
#include <memory>
#include <thread>

#include "cli_fixture.hpp"
#include "loopback_server.hpp"
#include "made_archive.hpp"

namespace clb::testing {
namespace {

using base::Json;

class CliData : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    archive_ =
        base::read_file(make_archive(folder_.path() / "made.tar", "tar", {{"photos/a", "first"}, {"photos/b", std::string(400'000, 'b')}}));
    weights_ = base::safetensors_header({}, {});
    server_ = std::make_unique<LoopbackServer>([this](const HttpRequest& request, size_t) {
      if (request.target == "/tiny.safetensors") return file_answer(request, weights_, "\"w\"");
      HttpAnswer answer = file_answer(request, archive_, "\"a\"");
      if (slow_) answer.piece = 20'000;
      if (slow_) answer.pause = std::chrono::milliseconds(100);
      return answer;
    });
    write_known("digits",
                "[[file]]\nurl = \"" + server_->url("/photos.tar") + "\"\nsize = " + std::to_string(archive_.size()) + "\nunpack = true\n");
    write_known("closed", "[[file]]\nby_hand = \"sign the form\"\nto = \"closed.tar\"\nunpack = true\n");
    write_known("asked", "");
    write_file(prefix() / "share/clbench/weights/tiny.toml",
               "licence = \"MIT\"\npretraining = \"none\"\nsource = \"nowhere\"\nurl = \"" + server_->url("/tiny.safetensors") + "\"\n");
    write_file(prefix() / "share/clbench/weights/other.toml",
               "licence = \"MIT\"\npretraining = \"none\"\nsource = \"nowhere\"\nget = \"python3 convert.py\"\n");
  }
  void write_known(const std::string& name, const std::string& more) const {
    write_file(prefix() / ("share/clbench/datasets/" + name + ".toml"),
               "plugin = \"digits\"\nclasses = 10\nlicence = \"free\"\nget = \"ask for it\"\n" + more);
  }
  launch::Spawn data_command(std::vector<std::string> words) const {
    words.insert(words.begin(), "data");
    launch::Spawn spawn = command(std::move(words));
    for (const char* name : {"CLB_DATA", "CLB_WEIGHTS_PATH", "http_proxy", "all_proxy"}) spawn.environment[name] = "";
    spawn.environment["XDG_DATA_HOME"] = (folder_.path() / "xdg").string();
    return spawn;
  }
  launch::Captured data(std::vector<std::string> words) const { return launch::capture(data_command(std::move(words)), 120); }
  Json data_json(std::vector<std::string> words) const {
    words.push_back("--json");
    return Json::parse(data(std::move(words)).out);
  }
  fs::path digits() const { return folder_.path() / "xdg/clbench/data/digits"; }

  std::string archive_, weights_;
  std::atomic<bool> slow_ = false;
  std::unique_ptr<LoopbackServer> server_;
};

TEST_F(CliData, FetchedOnceAndFoundByNameThen) {
  const auto fetched = data({"get", "digits", "--accept-licence"});
  EXPECT_EQ(fetched.exit_code, 0) << fetched.err;
  EXPECT_EQ(fetched.out, digits().string() + "\n");
  EXPECT_TRUE(contains(fetched.err, "  licence   free\n")) << fetched.err;
  EXPECT_EQ(base::read_file(digits() / "photos/a"), "first");
  EXPECT_EQ(data({"get", "digits"}).out, digits().string() + "\n");
  EXPECT_EQ(server_->requests().size(), 1u);

  const Json row = data_json({"info", "digits"});
  EXPECT_EQ(row["state"], "there");
  EXPECT_EQ(row["place"], digits().string());
  EXPECT_EQ(row["files"][0]["state"], "there");
  std::string text = experiment("ok");
  text.replace(text.find("id = \"digits\""), 13, "name = \"digits\"");
  launch::Spawn run = data_command({});
  run.arguments = {"run", folder_.write("named.toml", text).string(), "--dry-run", "--json", "--db", database()};
  const auto planned = launch::capture(run, 120);
  EXPECT_TRUE(contains(planned.out, "\"root\":\"" + digits().string() + "\"")) << planned.out << planned.err;
}

TEST_F(CliData, TheLicenceIsAskedForFirst) {
  const auto refused = data({"get", "digits"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_TRUE(
      refused.err.ends_with("clbench: data get: the licence of digits has to be accepted first (free); if you do, add --accept-licence\n"))
      << refused.err;
  EXPECT_FALSE(fs::exists(digits()));
  EXPECT_EQ(server_->requests().size(), 0u);
}

TEST_F(CliData, ARootOfItsOwn) {
  const std::string root = (folder_.path() / "disk").string();
  EXPECT_EQ(data({"get", "digits", "--accept-licence", "--root", root}).out, root + "/digits\n");
  EXPECT_EQ(data_json({"info", "digits"})["state"], "absent");
  EXPECT_EQ(data_json({"info", "digits", "--data-path", root})["place"], root + "/digits");
}

TEST_F(CliData, WhatAPersonHasToFetch) {
  const fs::path folder = folder_.path() / "xdg/clbench/data/closed";
  const std::string by_hand = "by hand: closed.tar belongs at " + (folder / "closed.tar").string() + ": sign the form; then call again\n";
  const auto first = data({"get", "closed"});
  EXPECT_EQ(first.exit_code, 1);
  EXPECT_TRUE(contains(first.err, by_hand)) << first.err;
  write_file(folder / "closed.tar", archive_);
  EXPECT_EQ(data({"get", "closed"}).exit_code, 0) << "nothing is fetched, so no licence is asked for";
  EXPECT_EQ(base::read_file(folder / "photos/a"), "first");
  fs::remove_all(folder);
  write_known("closed", "[[file]]\nurl = \"" + server_->url("/photos.tar") +
                            "\"\n[[file]]\nby_hand = \"sign the form\"\nto = \"closed.tar\"\nunpack = \"c\"\n");
  const auto second = data({"get", "closed", "--accept-licence"});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_TRUE(contains(second.err, by_hand)) << second.err;
  EXPECT_EQ(data_json({"info", "closed"})["state"], "in part");
  write_file(folder / "closed.tar", archive_);
  EXPECT_EQ(data({"get", "closed", "--accept-licence"}).exit_code, 0);
  EXPECT_EQ(base::read_file(folder / "c/photos/a"), "first");
  EXPECT_EQ(data_json({"info", "closed"})["state"], "there");
}

TEST_F(CliData, SplitsFetchWhatTheyNeed) {
  write_known("digits", "params = { split = \"pilot\" }\n[[file]]\nurl = \"" + server_->url("/photos.tar") + "\"\n[[file]]\nurl = \"" +
                            server_->url("/coda.tar") + "\"\nsplit = [\"coda\"]\n");
  data({"get", "digits", "--accept-licence"});
  EXPECT_FALSE(fs::exists(digits() / "coda.tar"));
  data({"get", "digits", "--accept-licence", "--split", "coda"});
  EXPECT_TRUE(fs::exists(digits() / "coda.tar"));
  EXPECT_EQ(data({"get", "digits", "--split", "cdoa"}).err, "clbench: data: digits has no split 'cdoa'; its splits are coda, pilot\n");
}

TEST_F(CliData, ASplitForWhichNothingIsFetchedIsSaid) {
  write_known("half", "params = { split = \"folders\" }\n[[file]]\nurl = \"" + server_->url("/photos.tar") + "\"\nsplit = [\"fifth\"]\n");
  const auto ended = data({"get", "half", "--accept-licence"});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_EQ(
      ended.err,
      "clbench: data get: nothing is fetched for split folders of half; --split names another (fifth, folders), by hand: ask for it\n");
}

TEST_F(CliData, AnInterruptedDownloadIsGoneOnWith) {
  slow_ = true;
  const launch::Spawn spawn = data_command({"get", "digits", "--accept-licence"});
  const pid_t child = launch::spawn(spawn);
  const fs::path part = digits() / "photos.tar.part";
  std::error_code error;
  for (int i = 0; i < 500 && (!fs::exists(part, error) || fs::file_size(part, error) < 40'000); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  kill(child, SIGINT);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(fs::exists(digits() / "photos.tar"));
  ASSERT_TRUE(fs::exists(part));
  const uint64_t came = fs::file_size(part);
  EXPECT_LT(came, archive_.size());
  EXPECT_EQ(data_json({"info", "digits"})["state"], "in part");
  slow_ = false;
  EXPECT_EQ(data({"get", "digits", "--accept-licence"}).exit_code, 0);
  EXPECT_EQ(server_->requests().back().header("range"), "bytes=" + std::to_string(came) + "-");
  EXPECT_EQ(base::read_file(digits() / "photos.tar"), archive_);
}

TEST_F(CliData, VerifyLooksAtArchivesAndAsksThePlugin) {
  const auto absent = data({"verify", "digits"});
  EXPECT_EQ(absent.exit_code, 2);
  EXPECT_TRUE(contains(absent.err, "digits is in none of " + digits().parent_path().string() + "; `clbench data get digits`"))
      << absent.err;
  data({"get", "digits", "--accept-licence"});
  const auto good = data({"verify", "digits"});
  EXPECT_EQ(good.exit_code, 0) << good.out << good.err;
  EXPECT_TRUE(good.out.starts_with("photos.tar: good\nplugin digits: 10 classes")) << good.out;
  fs::remove(digits() / "photos/b");
  const auto lacking = data({"verify", "digits"});
  EXPECT_EQ(lacking.exit_code, 1);
  EXPECT_TRUE(contains(lacking.out,
                       ": 1 of the 2 files that photos.tar held are missing: photos/b; what is moved away, `clbench data get "
                       "digits` brings again\n"))
      << lacking.out;
  std::string changed = archive_;
  changed[1000] = 'x';
  write_file(digits() / "photos.tar", changed);
  const Json bad = data_json({"verify", "digits"});
  EXPECT_EQ(bad["good"], false);
  EXPECT_TRUE(contains(bad["findings"][0]["wrong"].get<std::string>(), "photos.tar: has SHA-256 ")) << bad;
  write_known("digits", "train = 12345\n");
  const auto other = data({"verify", "digits"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_TRUE(contains(other.out, "but digits has 10, 12345 and an unknown number")) << other.out;
}

TEST_F(CliData, Weights) {
  const fs::path file = folder_.path() / "xdg/clbench/weights/tiny.safetensors";
  const auto fetched = data({"get", "tiny", "--accept-licence"});
  EXPECT_EQ(fetched.out, file.string() + "\n") << fetched.err;
  EXPECT_EQ(base::read_file(file), weights_);
  EXPECT_EQ(data({"verify", "tiny"}).exit_code, 0);
  EXPECT_EQ(data({"get", "other"}).err, "clbench: data get: other cannot be fetched: python3 convert.py\n");
  fs::remove_all(file.parent_path());
  server_->between_answers([&] { weights_ = "<html>"; });
  const auto broken = data({"get", "tiny", "--accept-licence"});
  EXPECT_EQ(broken.exit_code, 1);
  EXPECT_TRUE(contains(broken.err, "gave a file that is of no use (")) << broken.err;
  EXPECT_FALSE(fs::exists(file)) << "it is no weight file";
}

TEST_F(CliData, ListSaysWhatIsHere) {
  const Json before = data_json({"list"});
  ASSERT_EQ(before.size(), 5u);
  EXPECT_EQ(before[2]["name"], "digits");
  EXPECT_EQ(before[2]["state"], "absent");
  EXPECT_EQ(before[2]["bytes"], archive_.size());
  EXPECT_EQ(before[0]["state"], "where its plugin looks");
  data({"get", "digits", "--accept-licence"});
  const auto text = data({"list"});
  EXPECT_TRUE(contains(text.out, "digits  there                   data get       ")) << text.out;
  EXPECT_TRUE(contains(text.out, digits().string())) << text.out;
  EXPECT_TRUE(contains(text.out, "closed  absent                  by hand")) << text.out;
}

TEST_F(CliData, WhatTheNetworkDoesNotGiveCanBeFetchedByHand) {
  write_known("gone", "[[file]]\nurl = \"" + server_->url("/photos.tar") + "\"\nsize = 5\nunpack = true\n");
  const auto ended = data({"get", "gone", "--accept-licence"});
  EXPECT_EQ(ended.exit_code, 1);
  const std::string place = (digits().parent_path() / "gone/photos.tar").string();
  EXPECT_TRUE(ended.err.ends_with("; or get it by hand, put it at " + place + " and call again (ask for it)\n")) << ended.err;
}

TEST_F(CliData, ListsThatSomebodysFilesLackAreFetchedBesideThem) {
  const std::string list = "[[file]]\nurl = \"" + server_->url("/coda.txt") + "\"\nto = \"splits/coda.txt\"\nsplit = [\"coda\"]\n";
  write_known("digits", "[[file]]\nurl = \"" + server_->url("/photos.tar") + "\"\nunpack = true\n" + list);
  write_file(digits() / "own/a.jpg", "mine");
  const auto ended = data({"get", "digits", "--split", "coda", "--accept-licence"});
  EXPECT_EQ(ended.exit_code, 1) << "the plugin has no such split";
  EXPECT_TRUE(contains(ended.err, "digits lies in " + digits().string() + ", but for split coda cannot be used: ")) << ended.err;
  EXPECT_TRUE(contains(ended.err, "`clbench data get digits --split coda --root DIR` fetches it into another place")) << ended.err;
  EXPECT_EQ(base::read_file(digits() / "splits/coda.txt"), archive_);
  EXPECT_FALSE(fs::exists(digits() / "photos")) << "nothing is unpacked among somebody's files";
  EXPECT_EQ(base::read_file(digits() / "own/a.jpg"), "mine");
  EXPECT_EQ(data({"get", "digits"}).out, digits().string() + "\n") << "the plugin reads them";
}

TEST_F(CliData, ADescriptionThatCannotBeReadIsSaid) {
  write_known("broken", "sice = 3\n");
  const auto listed = data({"list"});
  EXPECT_EQ(listed.exit_code, 0);
  EXPECT_TRUE(contains(listed.err, "clbench: warning: not listed: ")) << listed.err;
  EXPECT_TRUE(contains(listed.err, "broken.toml:5:1")) << listed.err;
  EXPECT_TRUE(contains(listed.out, "digits"));
}

TEST_F(CliData, Mistakes) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"gte", "digits"}, "data: 'gte' is none of list, info, get, verify; did you mean 'get'?"},
      {{"get"}, "data get: NAME is missing; `clbench data list` shows the names"},
      {{"list", "digits"}, "data list: 'digits' is one word too many"},
      {{"info", "digit"}, "data: no data set and no weights are called 'digit'; did you mean 'digits'?"},
      {{"get", "elephants"}, "data: no data set and no weights are called 'elephants'; `clbench data list` shows the names"},
      {{"get", "asked"}, "data get: asked cannot be fetched: ask for it"},
      {{"list", "--data-path", "/no/folder"}, "--data-path /no/folder: there is no such folder"},
      {{"get", "digits", "--split", "x"}, "data: digits has no splits by name; leave --split out"},
  };
  for (const auto& [words, sentence] : cases) {
    const auto ended = data(words);
    EXPECT_EQ(ended.err, "clbench: " + sentence + "\n");
    EXPECT_EQ(ended.exit_code, 2) << sentence;
  }
}

}  // namespace
}  // namespace clb::testing
