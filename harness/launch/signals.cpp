#include "signals.hpp"

#include <fmt/format.h>
#include <string.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <clb/base/error.hpp>

namespace clb::launch {

Signals::Signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGCHLD);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction now {};
    sigaction(signal, nullptr, &now);
    if (now.sa_handler != SIG_IGN) sigaddset(&wanted, signal);
  }
  fd_ = Descriptor(signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC));
  if (fd_.get() < 0) throw base::Error(fmt::format("signalfd: {}", strerror(errno)), base::Exit::kInternal);
  pthread_sigmask(SIG_BLOCK, &wanted, &before_);
}

Signals::~Signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

int Signals::stop_requests() {
  int requests = 0;
  signalfd_siginfo info;
  while (read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) requests += info.ssi_signo != SIGCHLD;
  return requests;
}

}  // namespace clb::launch
