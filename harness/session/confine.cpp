#include <fcntl.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <clb/base/paths.hpp>
#include <clb/session/confine.hpp>
#include <clb/session/python.hpp>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <set>
#include <sstream>
#include <string>

namespace clb::session {
namespace {

namespace fs = std::filesystem;

// linux/landlock.h, whose newer parts the headers of a distribution may lack.
constexpr long kCreate = 444, kAddRule = 445, kRestrict = 446;
constexpr uint64_t kExecute = 1, kWrite = 2, kRead = 4, kReadFolder = 8, kTruncate = 1 << 14, kVersion1 = (1 << 13) - 1, kRefer = 1 << 13;
constexpr uint64_t kTcp = 3, kSocketsAndSignals = 3;
struct Ruleset {
  uint64_t files, net, scoped;
};
struct __attribute__((packed)) Beneath {
  uint64_t access;
  int32_t folder;
};

int landlock_version() { return static_cast<int>(syscall(kCreate, nullptr, 0, 1)); }

void allow(int rules, const fs::path& path, uint64_t access) {
  const int fd = open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return;
  struct stat status {};
  if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode)) access &= kExecute | kWrite | kRead | kTruncate;
  const Beneath rule{access, fd};
  syscall(kAddRule, rules, 1, &rule, 0);
  close(fd);
}

bool lock_files(const Openable& openable) {
  const int version = landlock_version();
  if (version < 1) return false;
  const uint64_t files = kVersion1 | (version >= 2 ? kRefer : 0) | (version >= 3 ? kTruncate : 0);
  const Ruleset all{files, version >= 4 ? kTcp : 0, version >= 6 ? kSocketsAndSignals : 0};
  const int rules = static_cast<int>(syscall(kCreate, &all, sizeof all, 0));
  if (rules < 0) return false;
  for (const fs::path& path : openable.read) allow(rules, path, kExecute | kRead | kReadFolder);
  for (const fs::path& path : openable.own) allow(rules, path, files);
  for (const char* path : {"/proc/cpuinfo", "/proc/meminfo", "/proc/self/maps", "/sys/devices/system/cpu", "/dev/urandom", "/dev/random"})
    allow(rules, path, kRead | kReadFolder);
  for (const char* path : {"/dev/null", "/dev/zero"}) allow(rules, path, kRead | kWrite | (files & kTruncate));
  if (openable.devices) {
    for (const char* path : {"/proc", "/sys"}) allow(rules, path, kRead | kReadFolder);
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator("/dev", ignored))
      if (entry.path().filename().string().starts_with("nvidia")) allow(rules, entry.path(), kRead | kWrite | kReadFolder);
  }
  const bool done = syscall(kRestrict, rules, 0) == 0;
  close(rules);
  return done;
}

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr uint32_t kArchitecture = 0;
#endif

// Where state might lie that is no file: these calls are refused with EPERM.
void refuse_calls(bool sockets) {
  std::vector<uint32_t> refused{SYS_shmget,           SYS_shmat,
                                SYS_msgget,           SYS_semget,
                                SYS_mq_open,          SYS_ptrace,
                                SYS_keyctl,           SYS_request_key,
                                SYS_add_key,          SYS_io_uring_setup,
                                SYS_process_vm_readv, SYS_process_vm_writev,
                                SYS_pidfd_getfd,      SYS_open_by_handle_at};
  if (sockets) refused.push_back(SYS_socket);
  std::vector<sock_filter> program{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (size_t k = 0; k < refused.size(); ++k)
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused[k], static_cast<uint8_t>(refused.size() - k), 0));
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  const sock_fprog filter{static_cast<uint16_t>(program.size()), program.data()};
  if (kArchitecture != 0) prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

bool one_thread() {
  std::error_code error;
  int threads = 0;
  for (fs::directory_iterator entry("/proc/self/task", error), end; !error && entry != end; entry.increment(error)) ++threads;
  return threads == 1;
}

}  // namespace

std::vector<fs::path> library_places(const fs::path& plugin) {
  std::set<fs::path> places{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", base::executable(), plugin};
  const auto loaded = [](dl_phdr_info* library, size_t, void* to) {
    if (library->dlpi_name && library->dlpi_name[0] == '/')
      static_cast<std::set<fs::path>*>(to)->insert(fs::path(library->dlpi_name).parent_path());
    return 0;
  };
  dl_iterate_phdr(loaded, &places);
  for (const fs::path& folder : python_folders()) places.insert(folder);
  const char* path = std::getenv("LD_LIBRARY_PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (!folder.empty()) places.insert(folder);
  std::error_code error;
  for (fs::directory_iterator entry(plugin.parent_path(), error), end; !error && entry != end; entry.increment(error))
    if (entry->path().filename().string().find(".so") != std::string::npos) places.insert(entry->path());
  return {places.begin(), places.end()};
}

bool confine(const Openable& openable) {
  const bool alone = one_thread();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  const bool locked = lock_files(openable);
  refuse_calls(!openable.devices);
  return alone && locked;
}

}  // namespace clb::session
