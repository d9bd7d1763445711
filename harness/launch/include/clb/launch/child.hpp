// One running clb-runner: its process, its group, its event pipe.
#pragma once

#include <clb/launch/spawn.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

namespace clb::launch {

struct ChildExit {
  int code = -1;               // exit status; -1 when a signal ended it
  int signal = 0;              // 0: it left by itself
  uint64_t max_rss_bytes = 0;  // peak as the kernel saw it, mapped files included
  double processor_s = 0;      // user and system time of all its threads, and of the processes that it waited for
};

// Starts in the constructor in a process group of its own, with stdout and stderr appended to `log`. The destructor kills the whole group
// and reaps, so an exception in the launcher leaves nothing behind. One thread only.
class Child {
 public:
  Child(const RunnerPlace& place, std::vector<std::string> arguments, const std::filesystem::path& log);
  // `what` says program, arguments and surroundings, without the events. start: spawn, or what does the same.
  using Start = std::function<pid_t(const Spawn&)>;
  Child(Spawn what, const std::filesystem::path& log, const Start& start = spawn);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  int event_fd() const { return event_fd_; }  // -1 after the end of the pipe

  void ask_to_stop();  // SIGTERM to the runner alone: it stops at its next safe point
  void kill_group();   // SIGKILL to everything it started

  // Hands over what is in the pipe, at most `limit` bytes, without blocking. Returns the number of bytes.
  size_t read_events(size_t limit, const std::function<void(std::string_view)>& bytes);

  // True once the runner ended. What it had started is killed then, and `exit()` tells how it ended.
  bool ended();
  const ChildExit& exit() const { return exit_; }

 private:
  pid_t pid_ = -1;
  int event_fd_ = -1;
  bool ended_ = false;
  ChildExit exit_;
};

}  // namespace clb::launch
