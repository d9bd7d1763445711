// Which runs of a plan this call is about, and which of them are finished.
#pragma once

#include <clb/base/run_spec.hpp>
#include <clb/launch/describe.hpp>
#include <clb/store/store.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace clb::cli {

struct Shard {
  int64_t index = 1, count = 1;
};
Shard parse_shard(const std::string& text);  // "2/8"; empty: 1/1

struct Selection {
  std::vector<base::RunSpec> runs;      // of this shard, each once
  std::vector<size_t> pending;          // indices of those to run
  size_t finished = 0;                  // left out: ended well with this plugin and runner
  size_t finished_by_other_builds = 0;  // left out because of --any-build
  size_t only_other_builds = 0;         // pending, though another build finished them
  std::map<size_t, int64_t> resumed;    // pending run -> the attempt that goes on after its checkpoint
};

struct SelectOptions {
  Shard shard;
  bool again = false, any_build = false;
};

// `store` may be null: nothing is finished. runs_folder: where the checkpoints of its attempts are.
Selection select(const std::vector<base::RunSpec>& planned, const SelectOptions& options, const store::Store* store,
                 const std::filesystem::path& runs_folder, launch::Describer& describer);

}  // namespace clb::cli
