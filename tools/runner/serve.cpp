#include "serve.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <clb/base/error.hpp>
#include <clb/base/handover.hpp>
#include <cstdlib>
#include <filesystem>

namespace clb::runner {

namespace {

namespace fs = std::filesystem;

pid_t launcher() {
  const char* text = std::getenv("CLB_LAUNCHER_PID");
  return text != nullptr ? static_cast<pid_t>(std::atol(text)) : -1;
}

size_t threads() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/task")) ++count;
  return count;
}

// Orphans of this process become the launcher's children. Without it, nobody would learn how the run ends.
void await_adoption() {
  constexpr timespec kMoment{.tv_sec = 0, .tv_nsec = 200'000};
  for (int tries = 0; getppid() != launcher(); ++tries) {
    if (tries == 25'000) _exit(static_cast<int>(base::Exit::kInternal));
    nanosleep(&kMoment, nullptr);
  }
}

// The environment is this process's alone from here on; the texts stay.
void take_environment(std::vector<std::string>& entries) {
  clearenv();
  for (std::string& entry : entries) putenv(entry.data());
}

// The last one, the events', takes the place of the socket.
void take_descriptors(const std::vector<base::Descriptor>& given, int socket) {
  const int places[] = {STDOUT_FILENO, STDERR_FILENO, socket};
  for (size_t k = 0; k < given.size(); ++k) dup2(given[k].get(), places[k]);
}

// In the child: folder, number of arguments, arguments, environment.
std::vector<std::string> become(base::Handover& work, int socket) {
  if (work.texts.size() < 2 || work.descriptors.size() != 3) _exit(static_cast<int>(base::Exit::kInternal));
  const size_t count = std::strtoul(work.texts[1].c_str(), nullptr, 10);
  if (work.texts.size() < 2 + count) _exit(static_cast<int>(base::Exit::kInternal));
  setpgid(0, 0);
  await_adoption();
  base::hand_over(socket, {std::to_string(getpid())}, {});
  const fs::path folder = work.texts[0];
  std::vector<std::string> arguments(work.texts.begin() + 2, work.texts.begin() + 2 + static_cast<std::ptrdiff_t>(count));
  static std::vector<std::string> environment;  // what putenv took stays where it is
  environment.assign(work.texts.begin() + 2 + static_cast<std::ptrdiff_t>(count), work.texts.end());
  take_descriptors(work.descriptors, socket);
  take_environment(environment);
  if (!folder.empty() && chdir(folder.c_str()) != 0) throw base::Error(folder.string() + " cannot be entered", base::Exit::kInternal);
  return arguments;
}

}  // namespace

void die_with_launcher() {
  if (launcher() < 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != launcher()) _exit(static_cast<int>(base::Exit::kInternal));
}

std::optional<std::vector<std::string>> serve() {
  const char* socket_text = std::getenv("CLB_EVENT_FD");
  if (socket_text == nullptr) throw base::Error("serve is for clbench, which hands over a socket");
  const int socket = std::atoi(socket_text);
  die_with_launcher();
  if (threads() != 1) throw base::Error("threads are running before there is any work", base::Exit::kInternal);
  while (std::optional<base::Handover> work = base::take_over(socket)) {
    const pid_t between = fork();
    if (between == 0) {
      const pid_t child = fork();
      if (child == 0) return become(*work, socket);
      _exit(child < 0 ? 1 : 0);
    }
    int status = 1;
    if (between > 0) waitpid(between, &status, 0);
    if (status != 0) return std::nullopt;  // no more processes: the launcher finds the socket closed and starts the run itself
  }
  return std::nullopt;
}

}  // namespace clb::runner
