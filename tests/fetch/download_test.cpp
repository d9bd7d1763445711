// Downloads from a server that misbehaves.
#include <clb/fetch/download.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/sha256.hpp>
#include <cstdlib>

#include "errors.hpp"
#include "loopback_server.hpp"
#include "temp_folder.hpp"

namespace clb::fetch {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::file_answer;
using testing::HttpAnswer;
using testing::HttpRequest;
using testing::LoopbackServer;

// Bytes in which no piece is like another.
std::string content_of(size_t count, uint32_t seed = 1) {
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
  return bytes;
}

std::string sha256_of(const std::string& bytes) { return base::hex(base::sha256(bytes)); }

class Download : public ::testing::Test {
 protected:
  Download() {
    for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"}) unsetenv(name);
    options_.tries = 4;
    options_.stall = std::chrono::milliseconds(300);
    options_.pause = std::chrono::milliseconds(1);
    options_.note = [this](const std::string& sentence) { notes_ += sentence + "\n"; };
  }
  fs::path file() const { return folder_.path() / "in" / "file.bin"; }
  fs::path part() const { return file().string() + ".part"; }
  Downloaded fetch(const LoopbackServer& server) { return download({.urls = {server.url("/file.bin")}}, file(), options_); }
  std::string refusal(const Source& source) {
    return testing::error_of<base::Error>([&] { download(source, file(), options_); });
  }
  // A server that has the file.
  auto whole() const {
    return [this](const HttpRequest& request, size_t) { return file_answer(request, content_, "\"a\""); };
  }
  // One whose first answer breaks off or stalls after so many bytes.
  auto whole(std::optional<size_t> HttpAnswer::*fault, size_t after) const {
    return [this, fault, after](const HttpRequest& request, size_t number) {
      HttpAnswer answer = file_answer(request, content_, "\"a\"");
      if (number == 0) answer.*fault = after;
      return answer;
    };
  }
  void expect_whole(const std::string& content) const {
    EXPECT_EQ(base::read_file(file()), content);
    EXPECT_FALSE(fs::exists(part()));
    EXPECT_FALSE(fs::exists(part().string() + ".json"));
  }
  void expect_nothing() const {
    EXPECT_FALSE(fs::exists(file()));
    EXPECT_FALSE(fs::exists(part()));
    EXPECT_FALSE(fs::exists(part().string() + ".json"));
  }

  testing::TempFolder folder_;
  Options options_;
  std::string notes_;
  const std::string content_ = content_of(300'000);
};

TEST_F(Download, AFileComesWholeAndChecked) {
  const LoopbackServer server(whole());
  const Downloaded got =
      download({.urls = {server.url("/file.bin")}, .size = content_.size(), .digest = {"sha256", sha256_of(content_)}}, file(), options_);
  expect_whole(content_);
  EXPECT_EQ(got.sha256, sha256_of(content_));
  EXPECT_EQ(got.size, content_.size());
  EXPECT_EQ(got.url, server.url("/file.bin"));
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(Download, DigestsOfAllKindsAreThoseOfTheStandards) {
  const fs::path abc = folder_.write("abc", "abc");  // RFC 1321, FIPS 180
  EXPECT_EQ(digests_of(abc, "md5").other.digits, "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(digests_of(abc, "sha1").other.digits, "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(digests_of(abc, "sha256").other.digits, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(Download, WhatBrokeOffIsGoneOnWith) {
  const LoopbackServer server([&](const HttpRequest& request, size_t number) {
    HttpAnswer answer = file_answer(request, content_, "\"a\"");
    if (number < 2) answer.break_after = 100'000;
    return answer;
  });
  fetch(server);
  expect_whole(content_);
  ASSERT_EQ(server.requests().size(), 3u);
  EXPECT_EQ(server.requests()[1].header("range"), "bytes=100000-");
  EXPECT_EQ(server.requests()[1].header("if-range"), "\"a\"");
  EXPECT_EQ(server.requests()[2].header("range"), "bytes=200000-");
  EXPECT_TRUE(contains(notes_, "broke off before the end; trying again")) << notes_;
}

TEST_F(Download, TheNextCallGoesOnToo) {
  const LoopbackServer server(whole(&HttpAnswer::break_after, 120'000));
  options_.tries = 1;
  const std::string sentence = refusal({.urls = {server.url("/file.bin")}});
  EXPECT_TRUE(contains(sentence, "broke off before the end")) << sentence;
  EXPECT_TRUE(contains(sentence, part().string() + ", and the next call goes on with it")) << sentence;
  EXPECT_FALSE(fs::exists(file()));
  EXPECT_EQ(fs::file_size(part()), 120'000u);
  fetch(server);
  expect_whole(content_);
  EXPECT_EQ(server.requests().back().header("range"), "bytes=120000-");
}

TEST_F(Download, AFileThatChangedBetweenTwoTriesBeginsAnew) {
  const std::string other = content_of(250'000, 7);
  const LoopbackServer server([&](const HttpRequest& request, size_t number) {
    HttpAnswer answer = number == 0 ? file_answer(request, content_, "\"a\"") : file_answer(request, other, "\"b\"");
    if (number == 0) answer.break_after = 100'000;
    return answer;
  });
  fetch(server);
  expect_whole(other);
  EXPECT_EQ(server.requests().size(), 2u);
}

// It sends the rest of another file as if that were asked for.
TEST_F(Download, AServerThatOverlooksTheConditionIsFoundOut) {
  const std::string other = content_of(300'000, 7);
  const LoopbackServer server([&](HttpRequest request, size_t number) {
    request.headers.erase("if-range");
    HttpAnswer answer = number == 0 ? file_answer(request, content_, "\"a\"") : file_answer(request, other, "\"b\"");
    if (number == 0) answer.break_after = 100'000;
    return answer;
  });
  fetch(server);
  expect_whole(other);
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(Download, AServerWithoutRangesBeginsAnew) {
  const LoopbackServer server([&](const HttpRequest&, size_t number) {
    HttpAnswer answer{.headers = {"Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT"}, .body = content_};
    if (number == 0) answer.break_after = 100'000;
    return answer;
  });
  fetch(server);
  expect_whole(content_);
  EXPECT_EQ(server.requests()[1].header("if-range"), "Mon, 01 Jan 2024 00:00:00 GMT");
  EXPECT_TRUE(contains(notes_, "beginning anew")) << notes_;
}

TEST_F(Download, WithoutANameForItsContentNothingIsGoneOnWith) {
  const LoopbackServer server([&](const HttpRequest&, size_t number) {
    HttpAnswer answer{.headers = {"ETag: W/\"weak\""}, .body = content_};
    if (number == 0) answer.break_after = 100'000;
    return answer;
  });
  options_.tries = 1;
  refusal({.urls = {server.url("/file.bin")}});
  fetch(server);
  expect_whole(content_);
  EXPECT_EQ(server.requests()[1].header("range"), "");
}

TEST_F(Download, RangeNotSatisfiableBeginsAnew) {
  const LoopbackServer server([&](const HttpRequest& request, size_t number) {
    if (number == 1) return HttpAnswer{.status = 416, .body = ""};
    HttpAnswer answer = file_answer(request, content_, "\"a\"");
    if (number == 0) answer.break_after = 100'000;
    return answer;
  });
  fetch(server);
  expect_whole(content_);
  ASSERT_EQ(server.requests().size(), 3u);
  EXPECT_EQ(server.requests()[2].header("range"), "");
}

TEST_F(Download, AStallIsATry) {
  const LoopbackServer server(whole(&HttpAnswer::stall_after, 50'000));
  fetch(server);
  expect_whole(content_);
  EXPECT_EQ(server.requests()[1].header("range"), "bytes=50000-");
  EXPECT_TRUE(contains(notes_, "sent nothing for 0 s")) << notes_;
}

TEST_F(Download, BusyIsTriedAgainAndTheTriesEnd) {
  std::atomic<size_t> busy = 3;
  const LoopbackServer server([&](const HttpRequest& request, size_t number) {
    return number < busy ? HttpAnswer{.status = 503, .body = "busy"} : file_answer(request, content_, "\"a\"");
  });
  fetch(server);
  expect_whole(content_);
  EXPECT_EQ(server.requests().size(), 4u);
  fs::remove(file());
  busy = 100;
  const std::string sentence = refusal({.urls = {server.url("/file.bin")}});
  EXPECT_TRUE(contains(sentence, "answers 503 (4 tries)")) << sentence;
  EXPECT_EQ(server.requests().size(), 8u);
  expect_nothing();
}

TEST_F(Download, WhatIsNotThereIsAskedForOnce) {
  const LoopbackServer server([](const HttpRequest&, size_t) { return HttpAnswer{.status = 404, .body = "not here"}; });
  const std::string sentence = refusal({.urls = {server.url("/file.bin")}});
  EXPECT_EQ(sentence, file().string() + ": could not be fetched: " + server.url("/file.bin") + " answers 404");
  EXPECT_EQ(server.requests().size(), 1u);
  expect_nothing();
}

TEST_F(Download, MirrorsAreTriedInOrder) {
  const LoopbackServer lacking([](const HttpRequest&, size_t) { return HttpAnswer{.status = 404, .body = ""}; });
  const LoopbackServer having(whole());
  const Downloaded got = download({.urls = {lacking.url("/file.bin"), having.url("/copy.bin")}}, file(), options_);
  expect_whole(content_);
  EXPECT_EQ(got.url, having.url("/copy.bin"));
}

TEST_F(Download, AMirrorWithAnotherFileIsPassedOver) {
  const LoopbackServer wrong([&](const HttpRequest& request, size_t) { return file_answer(request, content_of(300'000, 9), "\"a\""); });
  const LoopbackServer right(whole());
  Source source{.urls = {wrong.url("/file.bin")}, .digest = {"sha256", sha256_of(content_)}, .digest_from = "known.toml:3:1"};
  const std::string sentence = refusal(source);
  EXPECT_TRUE(contains(sentence, "but known.toml:3:1 is SHA-256 " + sha256_of(content_))) << sentence;
  expect_nothing();
  source.urls.push_back(right.url("/file.bin"));
  download(source, file(), options_);
  expect_whole(content_);
}

TEST_F(Download, AMirrorWhoseFileIsOfNoUseIsPassedOver) {
  const LoopbackServer wrong([&](const HttpRequest& request, size_t) { return file_answer(request, "<html>", "\"a\""); });
  const LoopbackServer right(whole());
  Source source{.urls = {wrong.url("/file.bin")}};
  source.check = [](const fs::path& file) {
    if (base::read_file(file) == "<html>") throw base::Error(file.string() + ": is no photo");
  };
  const std::string sentence = refusal(source);
  EXPECT_TRUE(contains(sentence, "gave a file that is of no use (" + part().string() + ": is no photo)")) << sentence;
  expect_nothing();
  source.urls.push_back(right.url("/file.bin"));
  EXPECT_EQ(download(source, file(), options_).url, source.urls[1]);
  expect_whole(content_);
}

TEST_F(Download, WhatTheNetworkDoesIsNoMistakeOfTheUser) {
  const LoopbackServer server([](const HttpRequest&, size_t) { return HttpAnswer{.status = 404, .body = ""}; });
  try {
    fetch(server);
    FAIL() << "expected an Error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.exit(), base::Exit::kFailedRun);
  }
}

TEST_F(Download, AFileOrALinkInTheWayIsNamed) {
  const LoopbackServer server(whole());
  folder_.write("in", "a file");
  EXPECT_EQ(refusal({.urls = {server.url("/file.bin")}}), file().parent_path().string() +
                                                              ": cannot be a folder: " + file().parent_path().string() +
                                                              " is a file; move that away, or name another place with --root DIR");
  fs::remove(file().parent_path());
  fs::create_symlink("/nowhere/at/all", file().parent_path());
  EXPECT_TRUE(contains(refusal({.urls = {server.url("/file.bin")}}), " is a link to /nowhere/at/all, which is not there; move that away"));
}

// The first half came from a file that the digest is not of.
TEST_F(Download, AWrongBeginningIsFetchedOnceMore) {
  const LoopbackServer server([&](const HttpRequest& request, size_t number) {
    HttpAnswer answer = file_answer(request, number == 0 ? content_of(300'000, 9) : content_, "\"same\"");
    if (number == 0) answer.break_after = 100'000;
    return answer;
  });
  options_.tries = 1;
  const Source source{.urls = {server.url("/file.bin")}, .digest = {"sha256", sha256_of(content_)}};
  refusal(source);
  download(source, file(), options_);
  expect_whole(content_);
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(Download, RedirectsAreFollowedAndCirclesEnd) {
  const LoopbackServer server([&](const HttpRequest& request, size_t) {
    if (request.target == "/round") return HttpAnswer{.status = 302, .headers = {"Location: /round", "ETag: \"no\""}, .body = ""};
    if (request.target == "/file.bin") return HttpAnswer{.status = 301, .headers = {"Location: /real", "ETag: \"no\""}, .body = "moved"};
    return file_answer(request, content_, "\"a\"");
  });
  fetch(server);
  expect_whole(content_);
  fs::remove(file());
  const std::string sentence = refusal({.urls = {server.url("/round")}});
  EXPECT_TRUE(contains(sentence, "leads from one address to the next without an end")) << sentence;
  expect_nothing();
}

TEST_F(Download, OnlyHttpAndHttps) {
  const fs::path secret = folder_.write("secret", "of this machine");
  const LoopbackServer server([&](const HttpRequest&, size_t) {
    return HttpAnswer{.status = 302, .headers = {"Location: file://" + secret.string()}, .body = ""};
  });
  for (const std::string& url :
       {server.url("/file.bin"), "file://" + secret.string(), std::string("ftp://127.0.0.1/x"), std::string("nonsense")}) {
    EXPECT_TRUE(contains(refusal({.urls = {url}}), "could not be fetched: " + url)) << url;
    expect_nothing();
  }
}

TEST_F(Download, ALengthThatIsNotStatedSoIsRefused) {
  const LoopbackServer server(whole());
  const std::string sentence = refusal({.urls = {server.url("/file.bin")}, .size = 299'999});
  EXPECT_TRUE(contains(sentence, "has a file of 300000 bytes, not of 299999 as is stated of it")) << sentence;
  expect_nothing();
}

TEST_F(Download, ALengthThatIsALie) {
  const LoopbackServer longer([&](const HttpRequest&, size_t) { return HttpAnswer{.body = content_, .stated_length = 400'000}; });
  EXPECT_TRUE(contains(refusal({.urls = {longer.url("/file.bin")}}), "broke off before the end (4 tries)"));
  EXPECT_FALSE(fs::exists(file()));
  const LoopbackServer shorter([&](const HttpRequest&, size_t) { return HttpAnswer{.body = content_, .stated_length = 1000}; });
  const Source known{.urls = {shorter.url("/file.bin")}, .digest = {"sha256", sha256_of(content_)}};
  EXPECT_TRUE(contains(refusal(known), "gave a file with SHA-256 " + sha256_of(content_.substr(0, 1000))));
  expect_nothing();
}

TEST_F(Download, WithoutALengthTheStatedSizeCounts) {
  const LoopbackServer server([&](const HttpRequest&, size_t) { return HttpAnswer{.body = content_, .with_length = false}; });
  EXPECT_TRUE(contains(refusal({.urls = {server.url("/file.bin")}, .size = 100}), "sends more bytes than the file has"));
  expect_nothing();
  EXPECT_TRUE(contains(refusal({.urls = {server.url("/file.bin")}, .size = 300'001}), "broke off before the end"));
  fetch(server);
  expect_whole(content_);
}

TEST_F(Download, AWebPageIsNoFile) {
  const LoopbackServer server([&](const HttpRequest&, size_t) {
    return HttpAnswer{.headers = {"Content-Type: text/html; charset=utf-8"}, .body = "<html>Please log in</html>"};
  });
  EXPECT_TRUE(contains(refusal({.urls = {server.url("/file.bin")}}), "answers with a web page in place of the file"));
  expect_nothing();
}

TEST_F(Download, MoreThanTheDiskHolds) {
  const LoopbackServer server([&](const HttpRequest&, size_t) { return HttpAnswer{.body = content_, .stated_length = uint64_t{1} << 60}; });
  const std::string sentence = testing::error_of<base::WriteError>([&] { fetch(server); });
  EXPECT_TRUE(contains(sentence, "file.bin takes 1152921.5 TB, but only ")) << sentence;
  EXPECT_TRUE(contains(sentence, "make room")) << sentence;
  EXPECT_FALSE(fs::exists(file()));
}

TEST_F(Download, AnEmptyFileIsAFile) {
  const LoopbackServer server([&](const HttpRequest&, size_t) { return HttpAnswer{.body = ""}; });
  EXPECT_EQ(fetch(server).size, 0u);
  expect_whole("");
}

TEST_F(Download, NothingIsOverwritten) {
  const LoopbackServer server(whole());
  testing::write_file(file(), "mine");
  EXPECT_EQ(refusal({.urls = {server.url("/file.bin")}}), file().string() + ": is there already");
  EXPECT_EQ(base::read_file(file()), "mine");
  fs::remove(file());
  fs::create_symlink("/nowhere/at/all", part());
  EXPECT_TRUE(contains(refusal({.urls = {server.url("/file.bin")}}), ".part: is no file that a download could go on with"));
}

TEST_F(Download, DamagedNotesOfAPartBeginAnew) {
  const LoopbackServer server(whole());
  testing::write_file(part(), "something");
  testing::write_file(part().string() + ".json", "{\"url\": 5, ");
  fetch(server);
  expect_whole(content_);
}

TEST_F(Download, ProgressIsTold) {
  const LoopbackServer server([&](const HttpRequest& request, size_t) {
    HttpAnswer answer = file_answer(request, content_, "\"a\"");
    answer.piece = 30'000;
    answer.pause = std::chrono::milliseconds(20);
    return answer;
  });
  std::vector<uint64_t> fetched;
  options_.progress = [&](const std::string& what, uint64_t done, uint64_t all) {
    EXPECT_EQ(all, content_.size());
    if (what == "fetched") fetched.push_back(done);
  };
  fetch(server);
  ASSERT_GT(fetched.size(), 2u);
  EXPECT_TRUE(std::is_sorted(fetched.begin(), fetched.end()));
  EXPECT_LT(fetched.front(), fetched.back());
}

TEST_F(Download, TheProxyOfTheEnvironmentIsUsed) {
  const LoopbackServer proxy(whole());
  setenv("http_proxy", proxy.url("").c_str(), 1);
  download({.urls = {"http://data.invalid/file.bin"}}, file(), options_);
  unsetenv("http_proxy");
  expect_whole(content_);
  EXPECT_EQ(proxy.requests().at(0).target, "http://data.invalid/file.bin");
}

}  // namespace
}  // namespace clb::fetch
