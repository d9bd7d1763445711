// The test samples of a second look, taken out of the data by a process of their own, so that the one that looks has neither their labels
// nor the data's files.
#pragma once

#include <clb/base/run_spec.hpp>
#include <clb/session/emitter.hpp>
#include <clb/session/look_features.hpp>
#include <filesystem>
#include <vector>

namespace clb::session {

struct LookSamples {
  std::vector<int64_t> indices;  // into the evaluated split
  std::vector<int64_t> tasks;    // of the stream, where the protocol gives them away; else empty
  std::vector<TakenFeatures> features;
};

// After which task, and how many: `count_taken` where no feature need be computed, else `count`.
struct LookWish {
  int64_t task = -1, count = 0, count_taken = 0;
};

// Samples evaluated after that task: drawn by a key of the run, or, when predictions depend on the batch, those of the first batches in
// the order in which the run served them. They lie in `folder` afterwards as the test split of a decoded store, in this order and under one
// label, and beside it what the run's cache has of their features. Forks: there must be no other thread. Error when they cannot be had.
LookSamples take_look_samples(const base::RunSpec& spec, const LookWish& wish, const UsedFeatures& used,
                              const std::filesystem::path& folder, Emitter& emitter);

// The run as the looking process sees it: its data are that store.
base::RunSpec without_labels(base::RunSpec spec, const std::filesystem::path& folder);

bool predicts_by_batch(const base::RunSpec& spec);  // as the method says itself

}  // namespace clb::session
