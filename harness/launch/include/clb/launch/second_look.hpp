// What the launcher does about the second look (base/second_look.hpp): how much is looked at, in which surroundings, and the comparison.
// Only here are both the predictions of the run and those of the fresh process known.
#pragma once

#include <clb/base/event.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/base/second_look.hpp>
#include <clb/launch/outcome.hpp>
#include <clb/launch/spawn.hpp>
#include <clb/launch/watch.hpp>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

namespace clb::launch {

// The last task of a run as its runner reported it.
struct LastTask {
  int64_t task = -1;
  std::vector<int64_t> predictions;  // as base::TaskDone
  double evaluate_s = 0;
  double train_s = 0;      // of the whole run so far
  double features_s = 0;   // of the whole run so far
  double feature_s = 0;    // what the host's features of one sample cost, or had cost when they were cached; known at the end
  double state_bytes = 0;  // likewise
};
void note(const base::TaskDone& task, LastTask& last);
void note(const base::Done& done, LastTask& last);

// How many samples: 256, or fewer (64 at least) where their features and predicting them twice would take longer than 3 s (0.75 s where
// most of the run is training), and all of the look longer than 4.5 % of the run, or where reading the state alone takes 2 % of a run that
// trains.
enum class FeaturesAre { kComputed, kTaken };
int64_t look_size(const LastTask& task, double run_s, FeaturesAre features = FeaturesAre::kComputed);

// Of the looking process: the memory of the run, and a generous time, since a machine may be busy.
Limits look_limits(const Limits& run, const LastTask& task);

// What the looking process is asked for (session/second_look.hpp).
struct LookRequest {
  int64_t count = 0, count_taken = 0;  // samples, and where no feature need be computed
  std::set<std::string> proven;        // segments of the feature cache that looks of this launcher have found to be right
};

// Makes <run_dir>/look with request.json and empty home and tmp. Error when it cannot be made.
std::filesystem::path make_look_folder(const base::RunSpec& spec, const LastTask& task, const LookRequest& request);
void remove_look_folder(const base::RunSpec& spec);  // and a state that was kept for the look alone

// What the looking process finds in its environment: loader, threads, cards and sanitizers; nothing else of the user's.
std::map<std::string, std::string> look_environment(const RunnerPlace& place, const std::filesystem::path& folder);

// `ended`: how the looking process ended; `phase`: where. `count`: the fewest samples that it may answer for.
base::SecondLook judge_look(const Outcome& ended, const std::string& phase, const std::optional<base::Look>& look, const LastTask& task,
                            const std::string& precision, int64_t count);

}  // namespace clb::launch
