#include "signals.hpp"

#include <fmt/format.h>
#include <string.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <clb/base/error.hpp>
#include <clb/launch/spawn.hpp>
#include <clb/launch/stop.hpp>
#include <initializer_list>

namespace clb::launch {

namespace {

// Those of `signals` that this process does not ignore.
sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) {
    struct sigaction now {};
    sigaction(signal, nullptr, &now);
    if (now.sa_handler != SIG_IGN) sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

bool puts_off(int signal) { return signal == SIGUSR1 || signal == SIGUSR2 || signal == SIGTERM; }

HeldSignals::HeldSignals() {
  const sigset_t held = set_of({SIGUSR1, SIGUSR2, SIGTERM});
  pthread_sigmask(SIG_BLOCK, &held, &before_);
}

HeldSignals::~HeldSignals() {
  // One that came too late to put anything off must not end the program now.
  const sigset_t held = set_of({SIGUSR1, SIGUSR2, SIGTERM});
  const timespec at_once{};
  while (sigtimedwait(&held, nullptr, &at_once) > 0) {
  }
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int held_signal() {
  sigset_t waiting;
  sigpending(&waiting);
  for (const int signal : {SIGUSR1, SIGUSR2, SIGTERM})
    if (sigismember(&waiting, signal) == 1) return signal;
  return 0;
}

void expect_not_put_off() {
  if (const int signal = held_signal())
    throw base::Error(fmt::format("stopped by {} before a run began; call the same command again to go on", signal_name(signal)),
                      base::Exit::kGoOnLater);
}

Signals::Signals() {
  sigset_t wanted = set_of({SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGTERM});
  sigaddset(&wanted, SIGCHLD);
  fd_ = Descriptor(signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC));
  if (fd_.get() < 0) throw base::Error(fmt::format("signalfd: {}", strerror(errno)), base::Exit::kInternal);
  pthread_sigmask(SIG_BLOCK, &wanted, &before_);
}

Signals::~Signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

std::vector<int> Signals::stop_requests() {
  std::vector<int> requests;
  signalfd_siginfo info;
  while (read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
    if (info.ssi_signo != SIGCHLD) requests.push_back(static_cast<int>(info.ssi_signo));
  return requests;
}

}  // namespace clb::launch
