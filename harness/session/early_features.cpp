#include <clb/meta.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <clb/base/error.hpp>
#include <clb/session/early_features.hpp>
#include <clb/session/learner.hpp>
#include <filesystem>

namespace clb::session {
namespace {

// A child of a process with more threads would have locks that nobody opens again.
bool alone() {
  const auto tasks = std::filesystem::directory_iterator("/proc/self/task");
  return std::distance(begin(tasks), end(tasks)) == 1;
}

// In the child: the kinds, one a line.
[[noreturn]] void answer(Session& s, int to) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, fd);
  s.emitter.fall_silent();
  try {
    Learner learner(s, load_method_table(s.spec.method.file));
    learner.create();
    std::string kinds;
    for (const auto& kind : feature_kinds(learner.method().inputs())) kinds += kind + "\n";
    (void)!write(to, kinds.data(), kinds.size());
  } catch (...) {
    // What is wrong will be said when the run itself does it.
  }
  _exit(0);
}

std::vector<std::string> ask(Session& s) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  const pid_t child = fork();
  if (child == 0) answer(s, ends[1]);
  close(ends[1]);
  std::string text;
  char bytes[4096];
  for (ssize_t n; child > 0 && ((n = read(ends[0], bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR && !cancelled()));)
    if (n > 0) text.append(bytes, static_cast<size_t>(n));
  close(ends[0]);
  if (child > 0) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  std::vector<std::string> kinds;
  for (size_t from = 0, to; (to = text.find('\n', from)) != std::string::npos; from = to + 1) kinds.push_back(text.substr(from, to - from));
  return kinds;
}

void compute(Session& s, const std::vector<std::string>& kinds) {
  for (const auto& kind : kinds) {
    if (kind.find(':') == std::string::npos) continue;  // the method's own
    s.require_features({kind}, Split::kTrain, {});
    s.require_features({kind}, s.evaluated_split(), {});
  }
}

bool claims_frozen_features(const Session& s) {
  return (s.spec.method.capabilities & CLB_CAP_FROZEN_FEATURES) != 0 && data::has_images(s.spec);
}

}  // namespace

void compute_features_early(Session& s) {
  if (claims_frozen_features(s) && !s.device.is_cuda() && alone()) compute(s, ask(s));
}

void compute_features_alone(Session& s) {
  if (!claims_frozen_features(s)) return;
  if (!s.device.is_cuda()) {
    const std::vector<std::string> kinds = alone() ? ask(s) : std::vector<std::string>{};
    if (kinds.empty()) throw base::Error("the method could not be asked which features it uses");
    return compute(s, kinds);
  }
  Learner learner(s, load_method_table(s.spec.method.file));
  learner.create();
  compute(s, feature_kinds(learner.method().inputs()));
}

}  // namespace clb::session
