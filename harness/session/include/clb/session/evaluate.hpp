// Evaluation after a task: the host makes the test batches, asks the method for logits and counts.
#pragma once

#include <clb/base/event.hpp>
#include <clb/session/method_handle.hpp>
#include <clb/session/session.hpp>

namespace clb::session {

// Predicts the samples of all classes seen so far as one stream. Counts, predictions and the logit hash do not depend on the order of the
// batches.
base::TaskDone evaluate(Session& session, MethodHandle& method);

}  // namespace clb::session
