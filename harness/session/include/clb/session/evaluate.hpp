// Evaluation after a task: the host makes the test batches, asks the method for logits and counts.
#pragma once

#include <clb/base/event.hpp>
#include <clb/session/method_handle.hpp>
#include <clb/session/session.hpp>

namespace clb::session {

// What is evaluated after the session's current task.
struct Evaluated {
  std::vector<int64_t> groups;   // ids
  std::vector<int64_t> samples;  // of these groups, ascending by index
  torch::Tensor group;           // [n] of samples
};
Evaluated evaluated_now(const Session& session);

// Order in which the samples are served: positions in `samples`.
std::vector<int64_t> serving_order(const Session& session, const std::vector<int64_t>& samples);

// The classes that are not the sample's own group's get -inf: the protocol gives the group away. group: [n] of the rows of logits.
void mask_to_groups(const Session& session, const torch::Tensor& group, torch::Tensor& logits);

// Predicts the samples of all classes seen so far as one stream. Counts, predictions and the logit hash do not depend on the order of the
// batches.
base::TaskDone evaluate(Session& session, MethodHandle& method);

}  // namespace clb::session
