// The exemplar memory: the method chooses samples, the host keeps, counts and checkpoints them (clb/ext/memory.h).
#pragma once

#include <clb/session/session.hpp>
#include <span>

namespace clb::session {

// Replaces the memory by samples of the current task or of the memory as it is. PluginError: CLB_E_UNSUPPORTED when the method does not
// claim raw replay, CLB_E_STATE outside a task, CLB_E_INVALID for another sample or one that is named twice.
void set_memory(Session& session, std::span<const int64_t> sample_ids);

int64_t memory_bytes(const Session& session);  // of the exemplars as the sample store holds them

}  // namespace clb::session
