// The task loop: one run from its specification to its events.
#pragma once

#include <clb/base/run_spec.hpp>
#include <clb/session/emitter.hpp>

namespace clb::session {

// Emits hello, targets, one task_done per task and done; or error as the last event. Returns the exit code of the runner.
int run(const base::RunSpec& spec, Emitter& emitter);

}  // namespace clb::session
