// Starting processes: posix_spawn, never a shell.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace clb::launch {

// Where the runner and its LibTorch are.
struct RunnerPlace {
  std::filesystem::path program;     // <prefix>/bin/clb-runner
  std::filesystem::path libtorch;    // CLB_LIBTORCH, else <prefix>/lib/libtorch; used when <libtorch>/lib exists
  std::filesystem::path code{};      // what the runner's hash is of: libclb_runner.so, which holds all of it; empty: the program
  std::filesystem::path python{};    // the program that makes a runner of a Python (interpreter.hpp)
  std::vector<std::string> first{};  // arguments before those of the runner; only Python has some, and it brings its own LibTorch
};
RunnerPlace find_runner();

// Variables to add to a runner's environment: LD_LIBRARY_PATH with LibTorch in front, OpenMP's short waiting (unless the user
// set OMP_WAIT_POLICY or GOMP_SPINCOUNT), CLB_LAUNCHER_PID.
std::map<std::string, std::string> runner_environment(const RunnerPlace& place);

inline constexpr int kEventFd = 3;  // the descriptor on which a runner finds its event pipe

struct Spawn {
  std::filesystem::path program;
  std::vector<std::string> arguments;                // without the program's name
  std::map<std::string, std::string> environment{};  // added to this process's
  bool only_environment = false;                     // and nothing of this process's
  std::filesystem::path folder{};                    // to start in; empty: this process's
  int out = -1, err = -1;                            // descriptors for stdout and stderr; -1: /dev/null
  int event = -1;                                    // becomes kEventFd, and CLB_EVENT_FD says so; -1: none
  bool own_group = false;                            // a process group of its own, out of reach of the terminal's Ctrl-C
  bool forks = false;                                // the program is one that a loaded process of it may fork (fork_server.hpp)
};

// The runner with these arguments and its environment.
Spawn to_start(const RunnerPlace& place, std::vector<std::string> arguments);

// Returns the pid. stdin is /dev/null, signals are at their defaults, and SIGUSR1 and SIGUSR2 wait until the child takes them. Error
// (kInternal) names the program.
pid_t spawn(const Spawn& what);

struct Captured {
  int exit_code = -1;  // -1: ended by `signal`
  int signal = 0;
  bool timed_out = false;
  std::string out, err;
};

// Runs to the end and keeps what it printed (at most 64 MiB each). After `timeout_s` the process is killed, and at a signal that is held
// (stop.hpp), which is an Error. `event` gets the bytes that come on an event pipe meanwhile; without it there is none. `start`: what makes
// a child of this process of it.
Captured capture(Spawn what, double timeout_s, const std::function<void(std::string_view)>& event = nullptr,
                 const std::function<pid_t(const Spawn&)>& start = spawn);

std::string signal_name(int signal);  // "SIGSEGV"

}  // namespace clb::launch
