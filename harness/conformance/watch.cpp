#include "watch.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <mutex>
#include <thread>

namespace clb::conformance {
namespace {

namespace fs = std::filesystem;

struct Watched {
  int number;
  const char* name;
  int path = -1, folder = -1, flags = -1;  // which argument: the path, the descriptor that it is relative to, flags of open
};

constexpr Watched kWatched[] = {
#ifdef SYS_open  // not on every processor
    {SYS_open, "open", 0, -1, 1},
    {SYS_creat, "creat", 0},
    {SYS_mkdir, "mkdir", 0},
    {SYS_mknod, "mknod", 0},
    {SYS_rename, "rename", 1},
    {SYS_link, "link", 1},
    {SYS_symlink, "symlink", 1},
    {SYS_unlink, "unlink", 0},
    {SYS_rmdir, "rmdir", 0},
    {SYS_chmod, "chmod", 0},
    {SYS_utimes, "utimes", 0},
    {SYS_fork, "fork"},
    {SYS_vfork, "vfork"},
#endif
    {SYS_openat, "openat", 1, 0, 2},
    {SYS_openat2, "openat2", 1, 0},
    {SYS_mkdirat, "mkdirat", 1, 0},
    {SYS_mknodat, "mknodat", 1, 0},
    {SYS_renameat2, "renameat2", 3, 2},
    {SYS_linkat, "linkat", 3, 2},
    {SYS_symlinkat, "symlinkat", 2, 1},
    {SYS_unlinkat, "unlinkat", 1, 0},
    {SYS_fchmodat, "fchmodat", 1, 0},
    {SYS_utimensat, "utimensat", 1, 0},
    {SYS_truncate, "truncate", 0},
    {SYS_setxattr, "setxattr", 0},
    {SYS_mq_open, "mq_open"},
    {SYS_socket, "socket"},
    {SYS_shmget, "shmget"},
    {SYS_msgget, "msgget"},
    {SYS_semget, "semget"},
    {SYS_add_key, "add_key"},
    {SYS_ptrace, "ptrace"},
    {SYS_io_uring_setup, "io_uring_setup"},
    {SYS_clone, "clone"},
    {SYS_clone3, "clone3"},
    {SYS_execve, "execve", 0},
};

std::mutex mutex;
std::vector<Request> requests;

// A text or number in the memory of the thread that asked, which may be that of a child.
template <class T>
bool read_memory(pid_t thread, uint64_t address, T* to, size_t size) {
  iovec local{to, size}, remote{reinterpret_cast<void*>(address), size};
  return process_vm_readv(thread, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
}
std::string text_at(pid_t thread, uint64_t address) {
  std::string text;
  for (char c = 0; text.size() < 4096 && read_memory(thread, address + text.size(), &c, 1) && c != 0;) text += c;
  return text;
}

fs::path absolute(const Watched& call, const seccomp_notif& asked) {
  const fs::path path = text_at(static_cast<pid_t>(asked.pid), asked.data.args[call.path]);
  if (path.is_absolute()) return path.lexically_normal();
  const int folder = call.folder < 0 ? AT_FDCWD : static_cast<int>(asked.data.args[call.folder]);
  const fs::path process = "/proc/" + std::to_string(asked.pid);
  std::error_code error;
  const fs::path base = fs::read_symlink(folder == AT_FDCWD ? process / "cwd" : process / "fd" / std::to_string(folder), error);
  return (path.empty() ? base : base / path).lexically_normal();
}

// Starting a thread is none of our business.
bool starts_thread(const Watched& call, const seccomp_notif& asked) {
  uint64_t flags = 0;
  if (call.number == SYS_clone) flags = asked.data.args[0];
  if (call.number == SYS_clone3) read_memory(static_cast<pid_t>(asked.pid), asked.data.args[0], &flags, sizeof flags);
  return (flags & CLONE_THREAD) != 0;
}

void note(const seccomp_notif& asked) {
  for (const Watched& call : kWatched) {
    if (call.number != asked.data.nr || starts_thread(call, asked)) continue;
    Request request{.call = call.name, .path = call.path < 0 ? "" : absolute(call, asked).string()};
    if (call.flags >= 0) request.reads = (asked.data.args[call.flags] & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) == 0;
    const std::lock_guard lock(mutex);
    requests.push_back(std::move(request));
  }
}

// Must not be filtered itself: it would wait for its own answer.
[[noreturn]] void serve(int listener) {
  for (;;) {
    seccomp_notif asked{};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) continue;  // EINTR; ENOENT: the thread was killed
    note(asked);
    seccomp_notif_resp answer{};
    answer.id = asked.id;
    answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
}

// The descriptor on which the kernel tells of calls; -1: not offered.
int filter_this_thread() {
  std::vector<sock_filter> code{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const Watched& call : kWatched) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call.number), 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

}  // namespace

bool start_watching() {
  struct Start {
    std::mutex mutex;
    std::condition_variable known;
    int listener = -2;
  };
  static Start start;
  std::thread([] {  // began before the filter, hence outside it; lives as long as the process
    std::unique_lock lock(start.mutex);
    start.known.wait(lock, [] { return start.listener != -2; });
    const int listener = start.listener;
    lock.unlock();
    if (listener >= 0) serve(listener);
  })
      .detach();
  const std::lock_guard lock(start.mutex);
  start.listener = filter_this_thread();
  start.known.notify_all();
  return start.listener >= 0;
}

std::vector<Request> requests_so_far() {
  const std::lock_guard lock(mutex);
  return requests;
}

}  // namespace clb::conformance
