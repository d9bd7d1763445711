// clbench sweep run: what a job does. With --slot the runs of a slot, each where it was left; with --features the features that runs share.
#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/launch/stop.hpp>
#include <clb/sweep/slot_lock.hpp>

#include "execute.hpp"
#include "sweep.hpp"
#include "sweep_job.hpp"

namespace clb::cli {

namespace {

constexpr VerbText kSweepRun{"sweep run", "DIR", "carry out one slot, without Slurm too: what a job does",
                             "clbench sweep run sweep --slot 3"};

Options sweep_run_options() {
  Options options(kSweepRun);
  options.add()("slot", po::value<std::string>()->value_name("K"),
                "carry out what is left of slot K; runs that failed are not repeated unless `sweep retry --failed` was called");
  options.add()("features", "compute the features that runs share into the sweep's cache");
  add_at_once(options);
  add_run_limits(options);
  options.add_installation();
  options.add()("cache", po::value<std::string>()->value_name("DIR|off"), "cache; default: CLB_CACHE, else the sweep's own");
  options.add_json();
  return options;
}

}  // namespace

int sweep_run(const Arguments& arguments) {
  Options options = sweep_run_options();
  if (!options.parse(arguments, 1, 1)) return 0;
  if (options.flag("slot") == options.flag("features")) throw base::Error("sweep run: give --slot K, or --features");
  const launch::HeldSignals held;
  const sweep::Folder folder(options.words()[0]);
  if (options.flag("features")) return run_features(folder, options);
  const int64_t slot = *options.number("slot", 1);
  if (slot > folder.manifest().slots)
    throw base::Error(
        fmt::format("sweep run: there is no slot {}; {} has slots 1 to {}", slot, options.words()[0], folder.manifest().slots));
  const base::FileLock lock = sweep::lock_slot(folder, slot);
  try {
    return run_slot(folder, slot, options);
  } catch (const base::Error& error) {  // stopped while it was getting ready
    if (error.exit() == base::Exit::kGoOnLater) queue_again(folder, launch::held_signal(), true, 0);
    throw;
  }
}

}  // namespace clb::cli
