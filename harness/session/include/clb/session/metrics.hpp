// The metrics that a method records, under the rules of clb/metrics.h.
#pragma once

#include <clb/session/session.hpp>

namespace clb::session {

// PluginError CLB_E_INVALID for a name that a method may not use. What is more than CLB_METRICS_PER_TASK is counted only.
void record_metric(Session& session, const char* name, int64_t step, double value);

// All since the last call, also the host's own; a warning says how many of the method's were left out.
std::vector<base::Metric> take_metrics(Session& session);

}  // namespace clb::session
