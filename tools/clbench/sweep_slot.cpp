// A slot of a sweep: its runs, each where it was left, on a database that is lost with the node, and published after each task.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <clb/base/error.hpp>
#include <clb/base/temporary.hpp>
#include <clb/sweep/forgiven.hpp>
#include <cstdio>
#include <map>
#include <set>

#include "database.hpp"
#include "execute.hpp"
#include "machine.hpp"
#include "say.hpp"
#include "sweep.hpp"
#include "sweep_job.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

constexpr uintmax_t kScarce = 64 << 20;  // less free space than that: a disk is full

// The database that a slot works on, in a temporary folder: it begins with what the slot has published, and what it publishes is a copy of
// it. So nothing is lost with it but the task in work.
class Working {
 public:
  Working(const sweep::Folder& folder, int64_t slot, const fs::path& place)
      : folder_(base::temporary_folder_beside(place / "work")), database_(folder_ / "results.sqlite") {
    std::error_code error;
    if (!fs::exists(folder.part(slot), error)) return;
    open_part(folder, slot);
    fs::copy_file(folder.part(slot), database_);
  }
  ~Working() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Working(const Working&) = delete;

  const fs::path& database() const { return database_; }

 private:
  fs::path folder_, database_;
};

bool ended_badly(const std::string& status) {
  return status == "failed" || status == "crashed" || status == "killed" || status == "timeout";
}

// Leaves out runs that failed and that nobody has asked to repeat, and starts over what another class of machine has begun: the rest of
// such a run would have other last digits.
void settle(Selection& selection, const sweep::Folder& folder, const store::Store& store) {
  const std::set<std::string> forgiven = sweep::forgiven(folder);
  std::map<std::string, store::RunRow> rows;
  for (store::RunRow& row : store.light_runs()) rows[row.key] = std::move(row);
  const store::Machine here = this_machine();
  std::erase_if(selection.pending, [&](size_t index) {
    const auto row = rows.find(selection.runs[index].key());
    return row != rows.end() && ended_badly(row->second.status.status) && !forgiven.contains(row->second.uuid);
  });
  for (const store::RunRow& attempt : store.attempts()) {
    const bool other = !store::same_class(attempt.machine, here);
    std::erase_if(selection.resumed, [&](const auto& resumed) {
      const auto& [index, id] = resumed;
      const bool over = id == attempt.attempt_id && (other || ended_badly(attempt.status.status));
      if (over && other)
        say(stderr, "run {} was begun on another class of machine ({}, {} cores; this is {}, {} cores): it starts over\n",
            attempt.key.substr(0, 12), attempt.machine.cpu, attempt.machine.cores, here.cpu, here.cores);
      return over;
    });
  }
}

struct SlotEnd {
  Executed done;
  size_t runs = 0, good = 0, bad = 0;
  bool got_on = false;  // a task ended
};

int64_t tasks_in(const store::Store& store) {
  int64_t tasks = 0;
  for (const store::RunRow& attempt : store.attempts()) tasks += attempt.tasks_done;
  return tasks;
}

SlotEnd work(const sweep::Folder& folder, int64_t slot, const std::vector<base::RunSpec>& runs, Here& here, const Options& options,
             const fs::path& place) {
  const Working working(folder, slot, place);
  store::Store store = open_for_writing(working.database());
  store.mark_lost_attempts();
  Selection selection = select(runs, {.shard = {}, .again = false, .any_build = true}, &store, folder.runs_folder(slot), here.describer);
  settle(selection, folder, store);
  const int64_t tasks = tasks_in(store);
  const auto publish = [&] { store.publish(folder.part(slot)); };
  SlotEnd end;
  end.done = carry_out(selection, here.schedule,
                       {folder.runs_folder(slot), here.cache ? here.cache->string() : "", options.command(), options.command(), publish},
                       store, here.describer);
  publish();
  end.runs = runs.size();
  end.got_on = tasks_in(store) > tasks;
  for (const store::RunRow& row : store.light_runs()) {
    end.good += row.status.status == "ok";
    end.bad += ended_badly(row.status.status);
  }
  return end;
}

bool is_full(const fs::path& place) {
  std::error_code error;
  const fs::space_info space = fs::space(place, error);
  return error || space.available < kScarce;
}

// On the node's own disk where it has one; when that is full, in the sweep's folder.
SlotEnd work_somewhere(const sweep::Folder& folder, int64_t slot, const std::vector<base::RunSpec>& runs, Here& here,
                       const Options& options) {
  const fs::path node = environment("SLURM_TMPDIR");
  std::error_code error;
  if (!node.empty() && fs::is_directory(node, error)) {
    try {
      return work(folder, slot, runs, here, options, node);
    } catch (const std::exception& failure) {
      if (!dynamic_cast<const base::WriteError*>(&failure) && !is_full(node)) throw;
      say(stderr, "clbench: warning: {} (SLURM_TMPDIR) takes no more ({}); works in {}\n", node.string(), std::string(failure.what()),
          folder.slot_folder(slot).string());
    }
  }
  return work(folder, slot, runs, here, options, folder.slot_folder(slot));
}

}  // namespace

int run_slot(const sweep::Folder& folder, int64_t slot, const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  base::remove_stale_temporaries(folder.slot_folder(slot), "work", base::FileSystem{});
  Here here(folder, options, cache_of_job(folder, options));
  const std::vector<base::RunSpec> runs = here.specs(folder, slot);
  share_out(here.schedule, options, runs);
  const SlotEnd end = work_somewhere(folder, slot, runs, here, options);
  const size_t left = end.runs - end.good - end.bad;
  const bool later = end.done.ended == launch::Ended::kPutOff;
  if (options.flag("json")) {
    fmt::print("{}\n",
               base::pretty(base::Json{
                   {"slot", slot}, {"runs", end.runs}, {"done", end.good}, {"failed", end.bad}, {"missing", left}, {"later", later}}));
  } else {
    say("slot {} of {}: {} of {} runs done, {} failed, {} missing\n", slot, folder.manifest().slots, end.good, end.runs, end.bad, left);
  }
  std::fflush(stdout);
  const base::Exit failures = print_failures(end.done);
  if (later) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    queue_again(folder, end.done.stopped_by, end.got_on, seconds);
    return static_cast<int>(base::Exit::kGoOnLater);
  }
  if (failures != base::Exit::kOk) return static_cast<int>(failures);
  return static_cast<int>(left + end.bad == 0 ? base::Exit::kOk : base::Exit::kFailedRun);
}

}  // namespace clb::cli
