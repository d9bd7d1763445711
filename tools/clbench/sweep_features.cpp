// The features that runs of a sweep share, computed by one job into the sweep's cache.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <clb/base/error.hpp>
#include <clb/base/event.hpp>
#include <clb/base/temporary.hpp>
#include <clb/launch/interpreter.hpp>
#include <clb/launch/lines.hpp>
#include <clb/launch/stop.hpp>
#include <functional>
#include <map>

#include "installation.hpp"
#include "progress_line.hpp"
#include "say.hpp"
#include "sweep_job.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

// Of one run. What it says goes to its log; what cannot be computed here is left to the runs, which say why.
bool compute_features(const sweep::Folder& folder, base::RunSpec run, Here& here, const std::string& label) {
  const fs::path file = base::temporary_file_beside(folder.path() / "logs" / "features.json");
  run.execution.cache_dir = here.cache ? here.cache->string() : "";
  base::write_file_atomic(file, base::canonical(run.to_json()));
  launch::LineCutter lines;
  std::string failure;
  std::function<void(size_t, size_t)> progress;
  int64_t before = 0;
  const auto event = [&](std::string_view bytes) {
    lines.feed(bytes, [&](std::string_view line) {
      const base::Event said = base::decode(line);
      if (const auto* at = std::get_if<base::Progress>(&said); at && at->total > 0 && at->what == "images") {
        if (!progress || at->done < before) progress = progress_line("features of " + label, "images");  // another split: a rate of its own
        progress(static_cast<size_t>(before = at->done), static_cast<size_t>(at->total));
      }
      if (const auto* failed = std::get_if<base::Failed>(&said)) failure = failed->text;
    });
  };
  launch::Spawn spawn = launch::to_start(launch::runner_for(here.schedule.runner, run.method.file), {"features", file.string()});
  spawn.own_group = true;
  const auto drop = [&] {
    std::error_code ignored;
    fs::remove(file, ignored);
  };
  launch::Captured ended;
  try {
    ended = launch::capture(spawn, folder.manifest().job.time_s, event);
  } catch (...) {
    drop();
    throw;
  }
  drop();
  if (ended.exit_code == 0) return true;
  if (failure.empty())
    failure = ended.signal ? "it ended by " + launch::signal_name(ended.signal) : fmt::format("exit code {}", ended.exit_code);
  say(stderr, "clbench: warning: features of {}: {}; its runs compute them\n", label, failure);
  return false;
}

// Files of features: those of a split are there together or not at all, so more of them is what a job got on by.
size_t segments(const fs::path& cache) {
  size_t count = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(cache / "features", error), end; !error && entry != end; entry.increment(error))
    count += entry->path().extension() == ".safetensors";
  return count;
}

}  // namespace

int run_features(const sweep::Folder& folder, const Options& options) {
  Here here(folder, options, options.flag("cache") ? cache_folder(options) : folder.cache());
  if (!here.cache) throw base::Error("sweep run: --features with --cache off keeps nothing; leave one of them out");
  const auto start = std::chrono::steady_clock::now();
  const size_t before = segments(*here.cache);
  size_t computed = 0;
  std::map<int64_t, std::vector<base::RunSpec>> slots;
  try {
    for (const int64_t position : folder.manifest().features) {
      const sweep::PlannedRun& planned = folder.manifest().runs[static_cast<size_t>(position)];
      if (!slots.contains(planned.slot)) slots[planned.slot] = here.specs(folder, planned.slot);
      const std::vector<size_t> order = folder.runs_of(planned.slot);
      const auto at = std::ranges::find(order, static_cast<size_t>(position)) - order.begin();
      computed += compute_features(folder, slots[planned.slot][static_cast<size_t>(at)], here, planned.label);
    }
  } catch (const base::Error& error) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (error.exit() == base::Exit::kGoOnLater) queue_again(folder, launch::held_signal(), segments(*here.cache) > before, seconds);
    throw;
  }
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(base::Json{{"settings", folder.manifest().features.size()}, {"computed", computed}}));
  } else {
    say("features of {} of {} settings are in {}\n", computed, folder.manifest().features.size(), here.cache->string());
  }
  return 0;
}

}  // namespace clb::cli
