// The surroundings in which the host works while a plugin has called it.
#pragma once

#include <ATen/ThreadLocalState.h>
#include <fenv.h>

namespace clb::session {

// While it lives, the calling thread has the floating-point environment of a new process and LibTorch's thread-local state (gradients,
// inference, autocast) of when `state` was taken; threads that are started meanwhile inherit both.
class HostScope {
 public:
  explicit HostScope(const at::ThreadLocalState& state) : guard_(state) {
    fegetenv(&environment_);
    fesetenv(FE_DFL_ENV);
  }
  ~HostScope() { fesetenv(&environment_); }
  HostScope(const HostScope&) = delete;

 private:
  fenv_t environment_;
  at::ThreadLocalStateGuard guard_;
};

}  // namespace clb::session
