// A sweep as a folder: what was decided when it was planned, and what its jobs leave. Nothing in it names the folder itself, so that it may
// be moved or copied, to another cluster too.
//
//   sweep.json          the runs by key, with the slot that each belongs to and its expected time; written once
//   places.json         where data, weights and plugins lie (places.hpp); a person edits it after a move
//   slots/K/runs.json   the runs of slot K, completely resolved; written once
//   slots/K/runs/       folders of their attempts: logs, checkpoints
//   parts/K.sqlite      what slot K has measured, as of its last finished task: a database that nobody writes to
//   features.sh, job.sh, merge.sh   what a scheduler is given; a person may edit them
//   logs/               what the jobs said
//   cache/              features that one job computes and all others find
//   submitted.json      jobs that were handed to a scheduler
//   forgiven.json       failed attempts that `sweep retry` has asked to repeat
//   results.sqlite      all parts, merged
#pragma once

#include <clb/base/run_spec.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace clb::sweep {

namespace fs = std::filesystem;

struct PlannedRun {
  std::string key{}, label{};
  int64_t slot = 0;     // from 1
  double seconds = 0;   // expected
  std::string basis{};  // what that rests on (estimate.hpp)
};

struct JobOptions {
  double time_s = 0;  // of a job
  int64_t cpus = 1, gpus = 0;
  int64_t at_once = 1;                // jobs that are on at a time
  int64_t together = 1;               // runs that a job has on at a time
  std::string partition{};            // empty: the scheduler's
  std::vector<std::string> sbatch{};  // further options, one "--name=value" each
};

struct Manifest {
  std::string name{};  // of the experiment
  JobOptions job{};
  int64_t slots = 0;
  std::vector<std::string> plugin_folders{};  // that the user gave
  std::vector<int64_t> features{};            // runs (positions) that compute what the others share; empty: nothing is shared
  std::vector<PlannedRun> runs{};
};

class Folder {
 public:
  static void require_new(const fs::path& folder);  // Error as of create; asked before long work
  // Makes the folder, whole or not at all. specs: as manifest.runs. Error when something is there already.
  static void create(const fs::path& folder, const Manifest& manifest, const std::vector<base::RunSpec>& specs);

  // Error: there is none, or its files do not hold what they should.
  explicit Folder(const fs::path& folder);
  static bool is_one(const fs::path& folder);

  const fs::path& path() const { return folder_; }  // absolute
  const Manifest& manifest() const { return manifest_; }

  fs::path part(int64_t slot) const;
  fs::path slot_folder(int64_t slot) const;
  fs::path runs_folder(int64_t slot) const { return slot_folder(slot) / "runs"; }
  fs::path lock(int64_t slot) const { return slot_folder(slot) / "lock"; }
  fs::path cache() const { return folder_ / "cache"; }
  fs::path results() const { return folder_ / "results.sqlite"; }

  std::vector<size_t> runs_of(int64_t slot) const;  // positions in manifest().runs, in the order in which they are carried out
  std::vector<int64_t> slots_with_parts() const;    // ascending
  // The runs of a slot, with paths as they are here; plugins are left for the caller to find. Error for a slot that is not there, a run
  // that is not the planned one, or a file that is missing here: it names places.json.
  std::vector<base::RunSpec> specs(int64_t slot) const;
  std::vector<std::string> plugin_folders() const;  // where they are here

 private:
  fs::path folder_;
  Manifest manifest_;
};

}  // namespace clb::sweep
