// What a method may leave behind or touch besides its state: nothing.
#include <ATen/Parallel.h>

#include <clb/meta.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <clb/base/paths.hpp>
#include <clb/session/python.hpp>
#include <set>
#include <thread>

#include <c10/util/StringUtil.h>

#include "checks.hpp"
#include "watch.hpp"

extern char** environ;

namespace clb::conformance {
namespace {

namespace fs = std::filesystem;

size_t threads() {
  size_t n = 0;
  for (const auto& unused : fs::directory_iterator("/proc/self/task")) {
    static_cast<void>(unused);
    ++n;
  }
  return n;
}

// LibTorch starts its pools when they are first used, and keeps them.
void start_pools() {
  configure_once();
  const auto x = torch::ones({64, 64}, torch::requires_grad());
  x.matmul(x).sum().backward();
  at::parallel_for(0, 1 << 16, 1, [](int64_t, int64_t) {});
  std::atomic<bool> ran{false};
  at::launch([&] { ran = true; });
  while (!ran) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// What belongs to the process and not to the method. Other globals the host compares after every call.
struct Process {
  size_t thread_count = threads();
  std::set<std::string> environment;

  Process() {
    for (char** entry = environ; *entry != nullptr; ++entry) environment.insert(*entry);
  }
  void expect_the_same(const std::string& after) const;
};

// A thread that was joined may still be listed for a moment.
size_t threads_at_rest(size_t expected) {
  size_t now = threads();
  for (int k = 0; k < 10 && now > expected; ++k) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    now = threads();
  }
  return now;
}

void Process::expect_the_same(const std::string& after) const {
  siginfo_t child{};
  if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0)
    throw Failure{"a process that the method started " + std::string(child.si_pid == 0 ? "is still running after " : "was left after ") +
                  after + "; a method starts none"};
  if (const size_t now = threads_at_rest(thread_count); now > thread_count)
    throw Failure{
        c10::str(now - thread_count, " thread(s) of the method are still running after ", after, "; join them before a call returns")};
  if (Process().environment != environment) throw Failure{"environment variables differ after " + after + "; a plugin changes no global"};
}

bool below(const std::string& path, const std::string& folder) { return path == folder || path.starts_with(folder + "/"); }

// Code and what the system says of itself: the loader, the C library and LibTorch read these.
bool is_system(const std::string& path) {
  for (const char* folder : {"/proc", "/sys", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc", "/usr/share/locale",
                             "/usr/share/zoneinfo", "/usr/share/i18n"})
    if (below(path, folder)) return true;
  for (const fs::path& folder : session::python_folders())
    if (below(path, folder.string())) return true;
  return path == "/" || fs::path(path).filename().string().find(".so") != std::string::npos;
}
bool is_device(const std::string& path) {
  for (const char* device : {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/full", "/proc/self"})
    if (below(path, device)) return true;
  return false;
}

// Why a request is none of the session's own; "" when it is.
std::string objection(const Request& r, const fs::path& own_folder, bool external_data) {
  if (r.path.empty()) return "the method calls " + r.call + ", which reaches beyond its process";
  if (r.call == "execve") return "the method starts " + r.path;
  if (below(r.path, own_folder.string()) || is_device(r.path)) return "";
  if (!r.reads) return "the method writes or changes " + r.path + " (" + r.call + "); its memory is its state";
  if (is_system(r.path) || external_data) return "";
  return "the method opens " + r.path + "; what it learns from is the stream, and data beyond that need the claim external_data";
}

}  // namespace

std::string leftovers(const Subject& subject) {
  start_pools();
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // also the children of children come to us
  const Process before;
  {
    Rig rig(subject);
    before.expect_the_same("create");
    for (int64_t t = 0; t < rig.tasks(); ++t) {
      rig.learn(t);
      before.expect_the_same("train_task");
      rig.logits();
      before.expect_the_same("predict");
    }
    rig.state();
    before.expect_the_same("save");
  }
  before.expect_the_same("destroy");
  return "";
}

std::string outside(const Subject& subject) {
  start_pools();
  if (!start_watching()) return "not looked at: this kernel does not tell which files are opened";
  fs::path own;
  {
    Rig rig(subject);
    own = rig.folder();
    for (int64_t t = 0; t < rig.tasks(); ++t) {
      rig.learn(t);
      rig.logits();
      rig.state();
    }
  }
  for (const Request& request : requests_so_far())
    if (const std::string why = objection(request, own, subject.claims(CLB_CAP_EXTERNAL_DATA)); !why.empty()) throw Failure{why};
  return "";
}

}  // namespace clb::conformance
