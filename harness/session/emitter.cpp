#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <clb/session/emitter.hpp>

namespace clb::session {
namespace {

volatile sig_atomic_t cancel_requested = 0;

// The launcher reads these lines; when it is gone, nobody is left to run for.
void write_line(int fd, const std::string& line) {
  for (size_t done = 0; done < line.size();) {
    const ssize_t n = ::write(fd, line.data() + done, line.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      dprintf(STDERR_FILENO, "clb-runner: events cannot be written (%s): nobody keeps the results of this run, and it ends\n",
              strerror(errno));
      _exit(static_cast<int>(base::Exit::kInternal));
    }
    done += static_cast<size_t>(n);
  }
}

}  // namespace

Emitter::Emitter(int fd) : fd_(fcntl(fd, F_DUPFD_CLOEXEC, 3)) {
  if (fd_ < 0) throw base::Error("there is no descriptor " + std::to_string(fd) + " to write events to");
}

Emitter::~Emitter() { close(fd_); }

void Emitter::fall_silent() {
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup2(nowhere, fd_);
  close(nowhere);
}

void Emitter::emit_line(const std::string& line) {
  const std::lock_guard lock(mutex_);
  write_line(fd_, line + "\n");
}

void Emitter::progress(const base::Progress& progress) {
  constexpr auto kInterval = std::chrono::milliseconds(200);
  {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    const bool last = progress.total > 0 && progress.done == progress.total;
    if (!last && progress.phase == last_phase_ && now - last_progress_ < kInterval) return;
    last_progress_ = now;
    last_phase_ = progress.phase;
  }
  emit(progress);
}

bool cancelled() { return cancel_requested != 0; }

void install_cancel_handler() {
  struct sigaction action {};
  action.sa_handler = [](int) { cancel_requested = 1; };
  sigset_t waited;  // until now, when clbench started this process
  sigemptyset(&waited);
  for (const int signal : {SIGTERM, SIGUSR1, SIGUSR2}) {
    sigaction(signal, &action, nullptr);
    sigaddset(&waited, signal);
  }
  pthread_sigmask(SIG_UNBLOCK, &waited, nullptr);
  signal(SIGPIPE, SIG_IGN);  // write() then says EPIPE
}

}  // namespace clb::session
