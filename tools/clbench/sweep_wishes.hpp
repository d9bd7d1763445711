// What the options of `clbench sweep plan` ask for: all of them read before anything that takes long.
#pragma once

#include <clb/sweep/folder.hpp>
#include <filesystem>
#include <optional>

#include "options.hpp"

namespace clb::cli {

struct SweepWishes {
  std::filesystem::path folder;    // of the sweep; it is not there yet
  std::filesystem::path database;  // that estimates rest on, where it is there
  double guess_s = 0;              // of a run of which nothing was measured
  int64_t jobs_max = 1;
  std::optional<int64_t> at_once, cpus, array_size, submit;
  sweep::JobOptions job;  // but for cpus and at_once, which depend on the runs
};

Options sweep_plan_options();
SweepWishes read_wishes(const Options& options);

}  // namespace clb::cli
