// A clb-runner that has loaded LibTorch, has run nothing, and forks for each run and for each plugin that has to be described: to load it
// takes longer than a short run's work.
//
// Each is a process of its own as if it had been started: its own environment, folder, descriptors and process group, a child of this
// process (which adopts orphans meanwhile, orphans.hpp). Only what the loader and OpenMP take from the environment is the server's, so
// there is a server for each such environment. Where a server cannot be had, the process is started the ordinary way.
#pragma once

#include <clb/base/descriptor.hpp>
#include <clb/launch/spawn.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "orphans.hpp"

namespace clb::launch {

class ForkServer {
 public:
  explicit ForkServer(const Spawn& first);  // what it will have to start
  ~ForkServer();
  ForkServer(const ForkServer&) = delete;

  // nullopt: it ended, or does not answer.
  std::optional<pid_t> spawn(const Spawn& what);
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  base::Descriptor socket_;
};

class ForkServers {
 public:
  // What will fork such processes, which begins to load where it is not there yet; nullopt: there is none to be had.
  std::optional<ForkServer>& begin(const Spawn& what);
  pid_t spawn(const Spawn& what);
  std::set<pid_t> pids() const;

 private:
  Adoption adoption_;
  std::map<std::string, std::optional<ForkServer>> servers_;  // by environment; nullopt: there is none to be had
};

}  // namespace clb::launch
