// What a thread and those that it starts ask of the system from now on: files that are opened or changed, sockets, shared memory,
// processes. The kernel tells it (seccomp, since Linux 5.5), so that no way of asking is overlooked; nothing is refused or slowed
// noticeably.
#pragma once

#include <string>
#include <vector>

namespace clb::conformance {

struct Request {
  std::string call;    // "openat"
  std::string path;    // absolute; "" when the call names no file
  bool reads = false;  // only: opened for reading
};

// For the calling thread, until the process ends. False when the kernel does not offer it.
bool start_watching();
std::vector<Request> requests_so_far();

}  // namespace clb::conformance
