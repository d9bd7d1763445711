// One file from the network, by http or https: whole and checked under its final name, or not there.
//
// What has come of it lies in FILE.part until then, and is gone on with by the next try, also one of another day: by a range, when the
// server still has the same content (If-Range with its ETag or date); otherwise from the beginning. Proxies are libcurl's: http_proxy,
// https_proxy, all_proxy and no_proxy of the environment.
#pragma once

#include <chrono>
#include <clb/fetch/digest.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace clb::fetch {

struct Source {
  std::vector<std::string> urls;  // mirrors in order
  uint64_t size = 0;              // 0: not stated
  Digest digest{};
  std::string digest_from = "what is stated of it";  // who says the digest, in a sentence
  // Looks at the whole file before it gets its name; an Error says what is wrong with it, and the next address is asked.
  std::function<void(const std::filesystem::path& file)> check{};
};

struct Options {
  int tries = 5;                            // in a row of one address that bring nothing
  std::chrono::milliseconds stall{60'000};  // without a byte, a try is over
  std::chrono::milliseconds pause{1'000};   // before the second try; doubled each time
  Progress progress{};
  std::function<void(const std::string& sentence)> note{};  // what happens, for the person who waits
};

struct Downloaded {
  std::string sha256, url;
  uint64_t size = 0;
};

// Error: `file` is there already; or, with Exit::kFailedRun, no address gives it: says what each address did. WriteError: the disk.
Downloaded download(const Source& source, const std::filesystem::path& file, const Options& options);

}  // namespace clb::fetch
