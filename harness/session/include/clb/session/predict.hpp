// Asks a method for the logits of test samples: the host makes the batches.
#pragma once

#include <clb/session/method_handle.hpp>
#include <clb/session/session.hpp>

namespace clb::session {

struct TestSamples {
  Split split;
  std::vector<int64_t> samples;  // indices into the split
  std::vector<int64_t> order;    // in which they are served: positions in `samples`; of one that comes again the last logits count
  int64_t batch_size = 64;
  torch::Tensor task_ids;  // [n] int64 of `samples`; undefined: not granted
  std::vector<int64_t> columns = {};  // positions in the class order, ascending; none: the classes seen. Others only of zero-shot methods
};

// [n, columns] float32 on the CPU, rows as in test.samples, 0 where a sample is not served. PluginError for logits of another shape,
// type or device, or not finite.
torch::Tensor predict(Session& session, MethodHandle& method, const TestSamples& test);

}  // namespace clb::session
