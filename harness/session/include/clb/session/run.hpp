// The task loop: one run from its specification to its events.
#pragma once

#include <clb/base/run_spec.hpp>
#include <clb/session/emitter.hpp>

namespace clb::session {

// Emits hello, targets, one task_done per task and done; or error as the last event. Returns the exit code of the runner.
// resume: go on after the newest checkpoint of the run folder, whose results are emitted again; from the start when there is none.
int run(const base::RunSpec& spec, bool resume, Emitter& emitter);

// Only what compute_features_early does for this run: hello, targets and done, or error. The features are then in the run's cache.
int features(const base::RunSpec& spec, Emitter& emitter);

}  // namespace clb::session
