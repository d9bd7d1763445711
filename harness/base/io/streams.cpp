#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <clb/base/error.hpp>
#include <clb/base/streams.hpp>
#include <cstdio>
#include <cstring>

namespace clb::base {

namespace {

std::atomic<int> output_error{0};  // errno of the first write on stdout that failed

// Returns 0 or errno.
int write_whole(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = write(fd, data, size);
    if (n >= 0) {
      data += n;
      size -= static_cast<size_t>(n);
    } else if (errno == EAGAIN) {  // somebody made the terminal or the pipe non-blocking
      pollfd ready{fd, POLLOUT, 0};
      poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

ssize_t to_stdout(void*, const char* data, size_t size) {
  if (output_error == 0) output_error = write_whole(STDOUT_FILENO, data, size);
  return static_cast<ssize_t>(size);
}

ssize_t to_stderr(void*, const char* data, size_t size) {
  write_whole(STDERR_FILENO, data, size);
  return static_cast<ssize_t>(size);
}

void open_closed_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // open() takes the lowest free number, which is fd. Without a /dev any descriptor will do; writing on this one fails.
    if (open("/dev/null", O_RDWR) < 0 && open("/", O_RDONLY) < 0) _exit(static_cast<int>(Exit::kInternal));
  }
}

}  // namespace

void guard_streams() {
  open_closed_descriptors();
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  std::FILE* out = fopencookie(nullptr, "w", {.read = nullptr, .write = to_stdout, .seek = nullptr, .close = nullptr});
  std::FILE* err = fopencookie(nullptr, "w", {.read = nullptr, .write = to_stderr, .seek = nullptr, .close = nullptr});
  if (out == nullptr || err == nullptr) _exit(static_cast<int>(Exit::kInternal));
  setvbuf(out, nullptr, isatty(STDOUT_FILENO) == 1 ? _IOLBF : _IOFBF, size_t{1} << 16);
  setvbuf(err, nullptr, _IONBF, 0);
  stdout = out;  // glibc: variables that may be set
  stderr = err;
}

void finish_output() {
  std::fflush(stdout);
  // Some file systems say only now that a quota is used up.
  if (const int copy = dup(STDOUT_FILENO); copy >= 0 && close(copy) != 0 && output_error == 0) output_error = errno;
  const int error = output_error;
  if (error == 0 || error == EPIPE) return;
  throw Error(std::string("stdout cannot be written (") + std::strerror(error) + "): what this command prints is lost or cut off; " +
                  "make room, or send it elsewhere, and call it again",
              Exit::kInternal);
}

bool output_is_lost() { return output_error != 0; }

}  // namespace clb::base
