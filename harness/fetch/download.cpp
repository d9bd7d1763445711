#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/there.hpp>
#include <clb/fetch/download.hpp>
#include <thread>

#include "part.hpp"
#include "place.hpp"
#include "transfer.hpp"

namespace clb::fetch {
namespace {

namespace fs = std::filesystem;
using Then = Tried::Then;

constexpr uint64_t kProgress = 1 << 20;  // a try that brings so much more than any before it counts as none

void wait_before(int failures, const Options& options) { std::this_thread::sleep_for(options.pause * (1 << std::min(failures - 1, 6))); }

// Tries one address until the file is whole: kDone, or why it will not be.
Tried from(const std::string& url, const Source& source, Part& part, const Options& options) {
  if (part.url() != url) part.forget();
  if (part.whole()) return {};
  uint64_t most = part.size();
  for (int failures = 0;;) {
    Tried tried = transfer(url, source, part, options);
    if (tried.then != Then::kAgain) return tried;
    failures = part.size() >= most + kProgress ? 1 : failures + 1;
    most = std::max(most, part.size());
    if (failures >= options.tries) return {Then::kNextAddress, fmt::format("{} ({} tries)", tried.why, options.tries)};
    if (options.note) options.note(fmt::format("{} {}; trying again", url, tried.why));
    wait_before(failures, options);
  }
}

// "" when the whole is what it should be; else why not.
std::string mistaken(const Source& source, const FileDigests& found) {
  if (source.size && found.size != source.size)
    return fmt::format("gave {} bytes, not {} as is stated of the file", found.size, source.size);
  if (source.digest.empty() || found.other.digits == source.digest.digits) return "";
  return fmt::format("gave a file with {}, but {} is {}", found.other.text(), source.digest_from, source.digest.text());
}

// What `source.check` finds wrong with it, likewise.
std::string useless(const Source& source, const fs::path& file) try {
  if (source.check) source.check(file);
  return "";
} catch (const base::WriteError&) {
  throw;
} catch (const base::Error& error) {
  return fmt::format("gave a file that is of no use ({})", error.what());
}

// What came before may be what is wrong: then once more from the beginning.
Tried checked_from(const std::string& url, const Source& source, Part& part, const Options& options, FileDigests& found) {
  for (;;) {
    const bool gone_on_with = part.url() == url && part.size() > 0;
    Tried tried = from(url, source, part, options);
    if (tried.then != Then::kDone) return tried;
    found = digests_of(part.path(), source.digest.kind, options.progress);
    std::string why = mistaken(source, found);
    if (why.empty()) why = useless(source, part.path());
    if (why.empty()) return {};
    part.forget();
    if (!gone_on_with) return {Then::kNextAddress, why};
    if (options.note) options.note(fmt::format("{} {}; beginning anew", url, why));
  }
}

}  // namespace

Downloaded download(const Source& source, const fs::path& file, const Options& options) {
  if (base::is_taken(file)) throw base::Error(fmt::format("{}: is there already", file.string()));
  make_folder(file.parent_path());
  Part part(file);
  std::vector<std::string> urls = source.urls;
  std::stable_partition(urls.begin(), urls.end(), [&](const std::string& url) { return url == part.url(); });
  std::string why;
  for (const std::string& url : urls) {
    FileDigests found;
    const Tried tried = checked_from(url, source, part, options, found);
    if (tried.then == Then::kDone) {
      part.finish(file);
      return {found.sha256.digits, url, found.size};
    }
    why += fmt::format("{}{} {}", why.empty() ? "" : ", ", url, tried.why);
    if (options.note && urls.size() > 1) options.note(fmt::format("{} {}", url, tried.why));
  }
  if (part.size() == 0) part.forget();
  throw base::Error(
      fmt::format("{}: could not be fetched: {}{}", file.string(), why,
                  part.size() ? fmt::format("; what came is kept in {}, and the next call goes on with it", part.path().string()) : ""),
      base::Exit::kFailedRun);
}

}  // namespace clb::fetch
