// Requests to stop. A person asks with SIGINT or SIGHUP; a batch system, whose time is over soon, with SIGUSR1, SIGUSR2 or SIGTERM: what is
// left then goes on later, and the exit code says so (base::Exit::kGoOnLater).
#pragma once

#include <signal.h>

namespace clb::launch {

bool puts_off(int signal);  // is it a batch system's?

// While one lives, a batch system's signals end nothing by themselves: run_all hears them, also those that came before it began, and
// capture() ends with an Error. Children get them unheld. For the one thread of a program that executes runs; does nothing about a signal
// that is ignored.
class HeldSignals {
 public:
  HeldSignals();
  ~HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

 private:
  sigset_t before_;
};

int held_signal();          // one that has come and is held; 0: none
void expect_not_put_off();  // Error (kGoOnLater) when one is

}  // namespace clb::launch
