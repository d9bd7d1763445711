#include <clb/launch/child.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <clb/base/error.hpp>
#include <utility>

#include "pipe.hpp"

namespace clb::launch {

Child::Child(const RunnerPlace& place, std::vector<std::string> arguments, const std::filesystem::path& log)
    : Child(to_start(place, std::move(arguments)), log) {}

Child::Child(Spawn what, const std::filesystem::path& log, const Start& start) {
  const Descriptor log_file(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (log_file.get() < 0) throw base::Error(fmt::format("{}: cannot be created: {}", log.string(), strerror(errno)));
  Pipe events = make_pipe();
  fcntl(events.read.get(), F_SETPIPE_SZ, 1 << 20);  // fewer wake-ups for long prediction lines; the usual size does as well
  what.out = what.err = log_file.get();
  what.event = events.write.get();
  what.own_group = true;
  pid_ = start(what);
  event_fd_ = events.read.release();
}

Child::~Child() {
  if (!ended_) {
    kill_group();
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (event_fd_ >= 0) close(event_fd_);
}

void Child::ask_to_stop() {
  if (!ended_) kill(pid_, SIGTERM);
}

void Child::kill_group() {
  if (!ended_) kill(-pid_, SIGKILL);
}

size_t Child::read_events(size_t limit, const std::function<void(std::string_view)>& bytes) {
  size_t total = 0;
  char buffer[65536];
  while (event_fd_ >= 0 && total < limit) {
    const ssize_t n = read(event_fd_, buffer, sizeof buffer);
    if (n > 0) {
      total += static_cast<size_t>(n);
      bytes({buffer, static_cast<size_t>(n)});
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
      close(std::exchange(event_fd_, -1));
    } else if (errno == EAGAIN) {
      break;
    }
  }
  return total;
}

bool Child::ended() {
  if (ended_) return true;
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != pid_) return false;
  kill_group();  // before it is reaped: its number, which names the group, cannot have been given away yet
  int status = 0;
  rusage usage{};
  while (wait4(pid_, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  ended_ = true;
  if (WIFEXITED(status)) exit_.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) exit_.signal = WTERMSIG(status);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  exit_.processor_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  exit_.max_rss_bytes = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  return true;
}

}  // namespace clb::launch
