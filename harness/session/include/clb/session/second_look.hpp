// `clb-runner look`: a fresh process loads the saved state of a run that has ended and predicts some test samples again. It is told neither
// labels nor what the run predicted; the launcher compares (docs/second-look.md).
#pragma once

#include <clb/session/emitter.hpp>
#include <string>

namespace clb::session {

// file: {"run": RunSpec, "task": after which the state was saved, "count": samples, "count_taken": samples where no feature need be
// computed, "proven": segments of the cache that an earlier look has found to be right (base::Look)}; the process may use its folder as it
// likes. Emits hello, look and done, or error as the last event. Returns the exit code of the runner.
int look(const std::string& file, Emitter& emitter);

}  // namespace clb::session
