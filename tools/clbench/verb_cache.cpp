// clbench cache: what the cache keeps, and getting rid of it.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <clb/base/error.hpp>
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

constexpr VerbText kText{"cache", "list|prune", "list or prune what the cache keeps", "clbench cache prune --older-than 30"};

struct CachedFile {
  fs::path file;
  std::string kind;  // top folder: describe, data, features, weights
  uint64_t bytes = 0;
  double age_days = 0;
};

std::vector<CachedFile> cached_files(const fs::path& cache) {
  std::vector<CachedFile> files;
  std::error_code error;
  const auto now = fs::file_time_type::clock::now();
  for (fs::recursive_directory_iterator entry(cache, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code gone;  // another process may prune, too
    if (!entry->is_regular_file(gone) || gone) continue;
    const fs::path inner = entry->path().lexically_relative(cache);
    CachedFile file{entry->path(), inner.has_parent_path() ? inner.begin()->string() : "other", entry->file_size(gone), 0};
    const auto written = entry->last_write_time(gone);
    if (gone) continue;
    file.age_days = std::chrono::duration<double, std::ratio<86400>>(now - written).count();
    files.push_back(std::move(file));
  }
  return files;
}

bool is_lock(const fs::path& file) { return file.extension() == ".lock" || file.filename() == "lock"; }

bool held(const fs::path& file) {
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool free = flock(fd, LOCK_EX | LOCK_NB) == 0;
  close(fd);
  return !free;
}

// A process that writes or reads a file holds a lock on it, on FILE.lock, or on `lock` in its folder.
bool in_use(const fs::path& file) { return held(file) || held(file.string() + ".lock") || held(file.parent_path() / "lock"); }

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
    for (Sum* sum : {&kinds[file.kind], &all}) ++sum->files, sum->bytes += file.bytes;
  }
  Columns columns({"kind", "files", "size"});
  for (const auto& [kind, sum] : kinds) columns.add({kind, std::to_string(sum.files), launch::human_bytes(sum.bytes)});
  fmt::print("{}\n{}{} files, {}\n", base::printable(cache.string()), columns.empty() ? "" : columns.text(), all.files,
             launch::human_bytes(all.bytes));
}

int prune(const Options& options, const std::vector<CachedFile>& files) {
  const auto days = options.number("older-than", 0);
  if (!days && !options.flag("all")) throw base::Error("cache prune: say what may go: --older-than DAYS or --all");
  size_t removed = 0, kept = 0;
  uint64_t bytes = 0;
  for (const CachedFile& file : files) {
    if (is_lock(file.file) || (days && file.age_days < static_cast<double>(*days))) continue;
    std::error_code error;
    if (in_use(file.file) || !fs::remove(file.file, error)) {
      ++kept;
      continue;
    }
    ++removed;
    bytes += file.bytes;
  }
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(Json{{"removed", removed}, {"bytes", bytes}, {"in_use", kept}}));
  } else {
    fmt::print("removed {} files, {}{}\n", removed, launch::human_bytes(bytes), kept ? fmt::format("; {} are in use and stay", kept) : "");
  }
  return 0;
}

}  // namespace

int verb_cache(const Arguments& arguments) {
  Options options(kText);
  options.add()("older-than", po::value<std::string>()->value_name("DAYS"), "prune what was written more than DAYS days ago");
  options.add()("all", "prune everything");
  options.add_cache();
  options.add_json();
  if (!options.parse(arguments, 1, 1)) return 0;
  const std::string& what = options.words()[0];
  if (what != "list" && what != "prune") throw base::Error(fmt::format("cache: '{}' is neither list nor prune", what));
  const auto cache = base::cache_dir(options.text("cache"));
  if (!cache) throw base::Error("the cache is off (--cache or CLB_CACHE)");
  const auto files = cached_files(*cache);
  if (what == "prune") return prune(options, files);
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(list_json(*cache, files)));
  } else {
    print_list(*cache, files);
  }
  return 0;
}

}  // namespace clb::cli
