// The features that runs of a sweep share, computed by one job into the sweep's cache.
#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/event.hpp>
#include <clb/base/temporary.hpp>
#include <clb/launch/lines.hpp>
#include <clb/launch/stop.hpp>
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
  const auto progress = progress_line("features of " + label, "images");
  const auto event = [&](std::string_view bytes) {
    lines.feed(bytes, [&](std::string_view line) {
      const base::Event said = base::decode(line);
      if (const auto* at = std::get_if<base::Progress>(&said); at && at->total > 0 && at->what == "images")
        progress(static_cast<size_t>(at->done), static_cast<size_t>(at->total));
      if (const auto* failed = std::get_if<base::Failed>(&said)) failure = failed->text;
    });
  };
  launch::Spawn spawn{.program = here.schedule.runner.program,
                      .arguments = {"features", file.string()},
                      .environment = launch::runner_environment(here.schedule.runner),
                      .own_group = true};
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

}  // namespace

int run_features(const sweep::Folder& folder, const Options& options) {
  Here here(folder, options, options.flag("cache") ? cache_folder(options) : folder.cache());
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
    if (error.exit() == base::Exit::kGoOnLater) queue_again(folder, launch::held_signal(), true, 0);
    throw;
  }
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(base::Json{{"settings", folder.manifest().features.size()}, {"computed", computed}}));
  } else {
    say("features of {} of {} settings are in {}\n", computed, folder.manifest().features.size(),
        here.cache ? here.cache->string() : "no cache");
  }
  return 0;
}

}  // namespace clb::cli
