// What a plugin must leave as it is (abi.h, rule 6), and the surroundings in which the host works while a plugin has called it. The table
// of what is looked at is in globals.cpp, one line each.
#pragma once

#include <ATen/ThreadLocalState.h>
#include <fenv.h>

#include <cstdint>
#include <string>
#include <vector>

namespace clb::session {

class Globals {
 public:
  // What is looked at: the calling thread's own; the process's; what the host itself sets on the session's thread; what costs microseconds.
  static constexpr unsigned kThread = 1, kProcess = 2, kSession = 4, kSlow = 8;
  static constexpr unsigned kEach = kThread | kProcess | kSession;              // at every call of a method
  static constexpr unsigned kAll = kEach | kSlow, kAnywhere = kAll - kSession;  // now and then; of a call on any thread

  Globals(std::string call, unsigned look);  // as they are now; `call` is about to be made
  ~Globals();
  Globals(const Globals&) = delete;

  void expect_unchanged() const;  // PluginError CLB_E_INVALID: "CALL changed WHAT; a plugin sets no global"

  // What the host is about to compute others will read (cached features): the same for the call that this thread is in, if any.
  static void expect_unchanged_in_call();

 private:
  std::string call_;
  unsigned look_;
  std::vector<int64_t> values_;
  const Globals* outer_;
};

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
