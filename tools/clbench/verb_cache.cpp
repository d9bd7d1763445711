// clbench cache: what the cache keeps, and getting rid of it.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <clb/base/cache.hpp>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/json.hpp>
#include <clb/base/paths.hpp>
#include <clb/launch/human.hpp>
#include <map>

#include "columns.hpp"
#include "installation.hpp"
#include "options.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;
using base::Json;

namespace {

constexpr VerbText kCache{"cache", "list|prune", "list or prune what the cache keeps", "clbench cache prune --older-than 30"};

struct CachedFile {
  fs::path file;
  std::string kind;  // top folder: describe, data, features, sha256; "foreign": not the cache's own
  uint64_t bytes = 0;
  double age_days = 0;
};
constexpr const char* kForeign = "foreign";

// Links are not followed: what they lead to is not the cache's.
std::vector<CachedFile> cached_files(const fs::path& cache) {
  std::vector<CachedFile> files;
  std::error_code error;
  const auto now = fs::file_time_type::clock::now();
  for (fs::recursive_directory_iterator entry(cache, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code gone;  // another process may prune, too
    const fs::file_status status = entry->symlink_status(gone);
    if (gone || fs::is_directory(status)) continue;
    const fs::path inner = entry->path().lexically_relative(cache);
    CachedFile file{entry->path(), kForeign, 0, 0};
    if (fs::is_regular_file(status)) {
      if (base::is_own_in_cache(inner, false)) file.kind = inner.has_parent_path() ? inner.begin()->string() : "mark";
      file.bytes = entry->file_size(gone);
      const auto written = entry->last_write_time(gone);
      if (gone) continue;
      file.age_days = std::chrono::duration<double, std::ratio<86400>>(now - written).count();
    }
    files.push_back(std::move(file));
  }
  return files;
}

// Files are removed in a folder that clbench marked, or where nobody else keeps anything (a cache older than the mark).
void require_cache(const fs::path& cache) {
  if (base::is_marked_cache(cache)) return;
  const auto foreign = base::foreign_in_cache(cache);
  if (!foreign) return;
  throw base::Error(fmt::format(
      "cache prune: {} is not marked as a cache of clbench and holds {}, which is not the cache's; nothing was removed; name the "
      "cache with --cache DIR, or, if this is one, move what is not the cache's out of it",
      cache.string(), foreign->string()));
}

bool stays(const fs::path& file) { return file.extension() == ".lock" || file.filename() == "lock" || file.filename() == base::kCacheTag; }

bool held(const fs::path& file) {
  int fd = open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);  // NFS locks nothing for writing that is open for reading
  if (fd < 0) fd = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return false;
  const bool free = flock(fd, LOCK_EX | LOCK_NB) == 0;
  close(fd);
  return !free;
}

// A process that writes or reads a file holds a lock on it, on FILE.lock, or on `lock` in its folder. Of another host the text of the last
// two says so.
bool in_use(const fs::path& file) {
  const fs::path own = file.string() + ".lock", of_folder = file.parent_path() / "lock";
  return held(file) || held(own) || held(of_folder) || base::FileLock::held(own) || base::FileLock::held(of_folder);
}

Json list_json(const fs::path& cache, const std::vector<CachedFile>& files) {
  Json rows = Json::array();
  for (const CachedFile& file : files) {
    rows.push_back({{"file", file.file}, {"kind", file.kind}, {"bytes", file.bytes}, {"age_days", file.age_days}});
  }
  return {{"cache", cache}, {"files", rows}};
}

void print_list(const fs::path& cache, const std::vector<CachedFile>& files) {
  struct Sum {
    size_t files = 0;
    uint64_t bytes = 0;
  };
  std::map<std::string, Sum> kinds;
  Sum all;
  for (const CachedFile& file : files) {
    for (Sum* sum : {&kinds[file.kind], &all}) {
      ++sum->files;
      sum->bytes += file.bytes;
    }
  }
  Columns columns({"kind", "files", "size"});
  for (const auto& [kind, sum] : kinds) columns.add({kind, std::to_string(sum.files), launch::human_bytes(sum.bytes)});
  fmt::print("{}\n{}{} files, {}\n", base::printable(cache.string()), columns.empty() ? "" : columns.text(), all.files,
             launch::human_bytes(all.bytes));
}

int prune(const Options& options, const fs::path& cache, const std::vector<CachedFile>& files) {
  const auto days = options.number("older-than", 0);
  if (!days && !options.flag("all")) throw base::Error("cache prune: say what may go: --older-than DAYS or --all");
  require_cache(cache);
  size_t removed = 0, kept = 0, foreign = 0;
  uint64_t bytes = 0;
  for (const CachedFile& file : files) {
    foreign += file.kind == kForeign;
    if (file.kind == kForeign || stays(file.file) || (days && file.age_days < static_cast<double>(*days))) continue;
    std::error_code error;
    if (in_use(file.file) || !fs::remove(file.file, error)) {
      ++kept;
      continue;
    }
    ++removed;
    bytes += file.bytes;
  }
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(Json{{"removed", removed}, {"bytes", bytes}, {"in_use", kept}, {"foreign", foreign}}));
  } else {
    fmt::print("removed {} files, {}{}{}\n", removed, launch::human_bytes(bytes), kept ? fmt::format("; {} are in use and stay", kept) : "",
               foreign ? fmt::format("; {} are not the cache's and stay", foreign) : "");
  }
  return 0;
}

}  // namespace

int verb_cache(const Arguments& arguments) {
  Options options(kCache);
  options.add()("older-than", po::value<std::string>()->value_name("DAYS"), "prune what was written more than DAYS days ago");
  options.add()("all", "prune everything that is the cache's own; a folder that is no cache is refused");
  options.add_cache();
  options.add_json();
  if (!options.parse(arguments, 1, 1)) return 0;
  const std::string& what = options.words()[0];
  if (what != "list" && what != "prune") throw base::Error(fmt::format("cache: '{}' is neither list nor prune", what));
  const auto cache = base::cache_dir(options.text("cache"));
  if (!cache) throw base::Error("the cache is off (--cache or CLB_CACHE)");
  const auto files = cached_files(*cache);
  if (what == "prune") return prune(options, *cache, files);
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(list_json(*cache, files)));
  } else {
    print_list(*cache, files);
  }
  return 0;
}

}  // namespace clb::cli
