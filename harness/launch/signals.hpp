// Signals as something to poll.
#pragma once

#include <signal.h>

#include <vector>

#include "descriptor.hpp"

namespace clb::launch {

// While one lives, requests to stop (stop.hpp; unless ignored, as nohup does with SIGHUP) and SIGCHLD of this thread are read here instead
// of being delivered. The launcher has one thread, and only one of these at a time.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  int fd() const { return fd_.get(); }
  std::vector<int> stop_requests();  // that arrived since the last call; takes SIGCHLD away as well

 private:
  Descriptor fd_;
  sigset_t before_;
};

}  // namespace clb::launch
