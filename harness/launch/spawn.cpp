#include <clb/launch/spawn.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <clb/base/error.hpp>
#include <clb/base/paths.hpp>
#include <clb/launch/stop.hpp>
#include <cstdlib>
#include <sstream>

#include "environment.hpp"
#include "pipe.hpp"

namespace clb::launch {

namespace fs = std::filesystem;
using base::Error;
using base::Exit;

namespace {

constexpr size_t kCaptureLimit = 64u << 20;

void check(int error, const char* what) {
  if (error != 0) throw Error(fmt::format("cannot start a process: {}: {}", what, strerror(error)), Exit::kInternal);
}

class FileActions {
 public:
  FileActions() { check(posix_spawn_file_actions_init(&actions_), "posix_spawn_file_actions_init"); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;

  void open_null(int fd, int flags) { check(posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", flags, 0), "/dev/null"); }
  void give_or_null(int from, int to) { from >= 0 ? give(from, to) : open_null(to, O_WRONLY); }
  void give(int from, int to) { check(posix_spawn_file_actions_adddup2(&actions_, from, to), "dup2"); }
  void change_to(const fs::path& folder) { check(posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str()), folder.c_str()); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

Descriptor lifted(int fd) {
  if (fd < 0) return Descriptor();
  Descriptor copy(fcntl(fd, F_DUPFD_CLOEXEC, kEventFd + 1));
  if (copy.get() < 0) check(errno, "dup");
  return copy;
}

// Default handlers, and a mask without what the launcher holds or reads, which a child would inherit. SIGUSR1 and SIGUSR2, which batch
// systems send to every process of a job, wait for the child to take them (session::install_cancel_handler): one that only answers a
// question never does, and one that is still being loaded is not ended by them.
class Attributes {
 public:
  explicit Attributes(bool own_group) {
    check(posix_spawnattr_init(&attributes_), "posix_spawnattr_init");
    sigset_t waiting, all;
    sigemptyset(&waiting);
    sigaddset(&waiting, SIGUSR1);
    sigaddset(&waiting, SIGUSR2);
    sigfillset(&all);
    check(posix_spawnattr_setsigmask(&attributes_, &waiting), "signal mask");
    check(posix_spawnattr_setsigdefault(&attributes_, &all), "signal handlers");
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (own_group) flags |= POSIX_SPAWN_SETPGROUP;  // group 0: the child's own
    check(posix_spawnattr_setflags(&attributes_, static_cast<short>(flags)), "flags");
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

std::vector<std::string> merged_environment(const Spawn& what) {
  auto added = what.environment;
  if (what.event >= 0) added["CLB_EVENT_FD"] = std::to_string(kEventFd);
  std::vector<std::string> merged;
  for (char** entry = environ; *entry && !what.only_environment; ++entry) {
    const std::string text = *entry;
    if (!added.contains(text.substr(0, text.find('=')))) merged.push_back(text);
  }
  for (const auto& [name, value] : added) merged.push_back(name + "=" + value);
  return merged;
}

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw Error(fmt::format("cannot make a pipe: {}", strerror(errno)), Exit::kInternal);
  Pipe made{Descriptor(ends[0]), Descriptor(ends[1])};
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return made;
}

namespace {

fs::path libtorch_of(const fs::path& prefix) {
  const char* given = std::getenv("CLB_LIBTORCH");
  if (given && *given) return given;
  std::error_code error;
  const fs::path own = prefix / "lib" / "libtorch", beside = prefix.parent_path().parent_path() / "torch";
  // A prefix within a Python package (tools/wheel.sh) has none of its own: packages lie side by side, and PyTorch is one of them.
  return !fs::exists(own, error) && fs::exists(beside / "lib" / "libtorch_cpu.so", error) ? beside : own;
}

}  // namespace

RunnerPlace find_runner() {
  const fs::path prefix = base::prefix();
  RunnerPlace place{prefix / "bin" / "clb-runner", libtorch_of(prefix)};
  std::error_code error;
  if (const fs::path code = prefix / "lib" / "clbench" / "libclb_runner.so"; fs::exists(code, error)) place.code = code;
  place.python = prefix / "lib" / "clbench" / "python" / "start.py";
  return place;
}

namespace {

// The folders of LD_LIBRARY_PATH without those that hold a LibTorch, which would come before the one that belongs to Python's torch.
std::string path_without_libtorch(const std::string& path) {
  std::string kept;
  std::istringstream folders(path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::error_code error;
    if (folder.empty() || fs::exists(fs::path(folder) / "libtorch_cpu.so", error)) continue;
    kept += (kept.empty() ? "" : ":") + folder;
  }
  return kept;
}

// Python finds its modules as it does outside, also where HOME is another; sets of texts are in the same order each time.
void add_python(std::map<std::string, std::string>& added) {
  if (const char* path = std::getenv("LD_LIBRARY_PATH")) added["LD_LIBRARY_PATH"] = path_without_libtorch(path);
  for (const char* name : {"PYTHONPATH", "PYTHONHOME"})
    if (const char* value = std::getenv(name)) added[name] = value;
  const char *base = std::getenv("PYTHONUSERBASE"), *home = std::getenv("HOME");
  if (base || home) added["PYTHONUSERBASE"] = base ? fs::path(base) : fs::path(home) / ".local";
  added["PYTHONHASHSEED"] = "0";
}

}  // namespace

std::map<std::string, std::string> runner_environment(const RunnerPlace& place) {
  std::map<std::string, std::string> added{{"CLB_LAUNCHER_PID", std::to_string(getpid())}};
  // A thread that waits for the next parallel loop looks for it for a tenth of a millisecond before it sleeps: asleep at once, it has to be
  // woken for each of a training step's thousands of loops; looking for longer, it takes the processor from those who share the machine.
  if (!std::getenv("OMP_WAIT_POLICY") && !std::getenv("GOMP_SPINCOUNT")) {
    added["OMP_WAIT_POLICY"] = "passive";
    added["GOMP_SPINCOUNT"] = "10000";
  }
  if (!place.first.empty()) {
    add_python(added);
    return added;
  }
  std::error_code error;
  if (const fs::path lib = place.libtorch / "lib"; fs::is_directory(lib, error)) {
    const char* before = std::getenv("LD_LIBRARY_PATH");
    added["LD_LIBRARY_PATH"] = before && *before ? lib.string() + ":" + before : lib.string();
  }
  return added;
}

Spawn to_start(const RunnerPlace& place, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), place.first.begin(), place.first.end());
  return {
      .program = place.program, .arguments = std::move(arguments), .environment = runner_environment(place), .forks = place.first.empty()};
}

pid_t spawn(const Spawn& what) {
  // Copies above the targets, so that no dup2 overwrites the source of the next one.
  const Descriptor out = lifted(what.out), err = lifted(what.err), event = lifted(what.event);
  FileActions actions;
  actions.open_null(STDIN_FILENO, O_RDONLY);
  actions.give_or_null(out.get(), STDOUT_FILENO);
  actions.give_or_null(err.get(), STDERR_FILENO);
  if (event.get() >= 0) actions.give(event.get(), kEventFd);
  if (!what.folder.empty()) actions.change_to(what.folder);

  const Attributes attributes(what.own_group);
  std::vector<std::string> environment = merged_environment(what), arguments{what.program.string()};
  arguments.insert(arguments.end(), what.arguments.begin(), what.arguments.end());
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, what.program.c_str(), actions.get(), attributes.get(), pointers(arguments).data(), pointers(environment).data());
  if (error == ENOENT) {
    throw Error(fmt::format("{} is missing; install clbench again, or run the clbench beside it", what.program.string()), Exit::kInternal);
  }
  if (error != 0) throw Error(fmt::format("{} cannot be started: {}", what.program.string(), strerror(error)), Exit::kInternal);
  return pid;
}

namespace {

// Gives away what is there; closes the end on EOF. False when nothing was there.
bool take(Descriptor& end, const std::function<void(std::string_view)>& to) {
  char buffer[65536];
  const ssize_t n = read(end.get(), buffer, sizeof buffer);
  if (n > 0) to({buffer, static_cast<size_t>(n)});
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) end.reset();
  return n > 0;
}

// A signal to the whole group ends the child, and reaches this process a moment later.
void await_signal_of_group(int signal) {
  constexpr timespec kMoment{.tv_sec = 0, .tv_nsec = 20'000'000};
  for (int tries = 0; tries < 5 && puts_off(signal) && held_signal() == 0; ++tries) nanosleep(&kMoment, nullptr);
}

// It stays to be waited for.
bool has_ended(pid_t pid) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

}  // namespace

Captured capture(Spawn what, double timeout_s, const std::function<void(std::string_view)>& event,
                 const std::function<pid_t(const Spawn&)>& start) {
  Pipe out = make_pipe(), err = make_pipe(), events;
  if (event) events = make_pipe();
  what.out = out.write.get();
  what.err = err.write.get();
  what.event = events.write.get();
  const pid_t pid = start(what);
  for (Pipe* pipe : {&out, &err, &events}) pipe->write.reset();

  Captured captured;
  const auto keep = [](std::string& text) {
    return [&text](std::string_view bytes) {
      if (text.size() < kCaptureLimit) text += bytes;
    };
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(timeout_s);
  int status = 0;
  for (;;) {
    pollfd ends[3] = {{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}, {events.read.get(), POLLIN, 0}};
    const bool open = ends[0].fd >= 0 || ends[1].fd >= 0;
    poll(ends, 3, open ? 200 : 2);
    const bool ended = has_ended(pid);  // asked first: what it wrote before its end is in the pipes by now
    bool got = ends[0].revents && take(out.read, keep(captured.out));
    got = (ends[1].revents && take(err.read, keep(captured.err))) || got;
    got = (ends[2].revents && take(events.read, event)) || got;
    if (ended && !got) break;  // something it started may hold the pipes open
    captured.timed_out = std::chrono::steady_clock::now() > deadline;
    if (captured.timed_out || held_signal() != 0) {
      kill(pid, SIGKILL);
      break;
    }
  }
  if (what.own_group) kill(-pid, SIGKILL);  // before it is reaped: its number names the group
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) captured.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) captured.signal = WTERMSIG(status);
  await_signal_of_group(captured.signal);
  expect_not_put_off();
  return captured;
}

std::string signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return name ? std::string("SIG") + name : fmt::format("signal {}", signal);
}

}  // namespace clb::launch
