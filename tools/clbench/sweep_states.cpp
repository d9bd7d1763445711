// What the parts of a sweep say of its runs.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <clb/base/error.hpp>
#include <clb/store/store.hpp>
#include <clb/sweep/forgiven.hpp>
#include <clb/sweep/slot_lock.hpp>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "machine.hpp"
#include "sweep.hpp"

namespace clb::cli {

namespace {

RunNow run_in_part(const store::RunRow& row, bool worked_on, const std::set<std::string>& forgiven) {
  RunNow run{RunState::kMissing, row.uuid, row.status.reason, row.tasks_done, row.tasks_planned, row.wall_s};
  const std::string& status = row.status.status;
  if (status == "ok") {
    run.state = RunState::kDone;
  } else if (status == "running") {
    run.state = worked_on ? RunState::kRunning : RunState::kMissing;
    if (!worked_on) run.reason = "its job ended without a word";
  } else if (status == "lost" || status == "cancelled" || status.empty()) {
    if (status == "lost" && run.reason.empty()) run.reason = "its job ended without a word";
  } else if (forgiven.contains(row.uuid)) {
    run.reason = fmt::format("is to be repeated: {}: {}", status, row.status.reason);
  } else {
    run.state = RunState::kFailed;
    run.reason = fmt::format("{}: {}", status, row.status.reason);
  }
  return run;
}

// Of one part, by key of the run.
std::map<std::string, RunNow> runs_in(const sweep::Folder& folder, int64_t slot, const std::set<std::string>& forgiven) {
  const bool worked_on = sweep::is_worked_on(folder, slot);  // asked first: who ends meanwhile has published what it did
  const store::Store store = open_part(folder, slot);
  std::map<std::string, RunNow> runs;
  for (const store::RunRow& row : store.light_runs()) runs[row.key] = run_in_part(row, worked_on, forgiven);
  return runs;
}

}  // namespace

const char* name_of(RunState state) {
  constexpr std::array kNames{"done", "running", "failed", "missing"};
  return kNames[static_cast<size_t>(state)];
}

store::Store open_part(const sweep::Folder& folder, int64_t slot) {
  try {
    return store::Store::open(folder.part(slot), store::Store::Mode::kRead);
  } catch (const base::Error& error) {
    throw base::Error(
        fmt::format("slot {} has left no readable part ({}); move that file away, and `clbench sweep retry {} --missing` measures "
                    "its runs again",
                    slot, error.what(), folder.path().string()),
        error.exit());
  }
}

// Most of the time goes into opening hundreds of files, each on its own.
std::vector<RunNow> runs_now(const sweep::Folder& folder) {
  const std::set<std::string> forgiven = sweep::forgiven(folder);
  const std::vector<int64_t> slots = folder.slots_with_parts();
  std::map<std::string, RunNow> found;
  std::mutex mutex;
  std::exception_ptr failure;
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i; (i = next++) < slots.size();) {
      try {
        auto runs = runs_in(folder, slots[i], forgiven);
        const std::lock_guard guard(mutex);
        found.merge(runs);
      } catch (...) {
        const std::lock_guard guard(mutex);
        failure = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int64_t i = 0, n = std::min<int64_t>(8, usable_cores()); i < n; ++i) threads.emplace_back(work);
  }
  if (failure) std::rethrow_exception(failure);
  std::vector<RunNow> runs;
  for (const sweep::PlannedRun& run : folder.manifest().runs) {
    const auto at = found.find(run.key);
    runs.push_back(at == found.end() ? RunNow{} : std::move(at->second));
  }
  return runs;
}

}  // namespace clb::cli
