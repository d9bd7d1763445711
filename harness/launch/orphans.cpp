#include "orphans.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <string>

namespace clb::launch {

namespace fs = std::filesystem;

namespace {

// Field 4 of /proc/PID/stat; the name in field 2 may hold spaces and brackets.
pid_t parent_of(const fs::path& process) {
  std::ifstream file(process / "stat");
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos || name_end + 4 >= line.size()) return 0;
  return static_cast<pid_t>(std::atol(line.c_str() + name_end + 4));
}

std::set<pid_t> children() {
  std::set<pid_t> found;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    pid_t pid = 0;
    const auto [rest, wrong] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (wrong == std::errc() && rest == name.data() + name.size() && parent_of(entry->path()) == getpid()) found.insert(pid);
  }
  return found;
}

// Every orphan of a container becomes a child of its first process.
bool is_ours(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/environ");
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  return all.find("CLB_LAUNCHER_PID=" + std::to_string(getpid())) != std::string::npos;
}

}  // namespace

Adoption::Adoption() {
  prctl(PR_GET_CHILD_SUBREAPER, &before_);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

Adoption::~Adoption() { prctl(PR_SET_CHILD_SUBREAPER, before_); }

Orphans::Orphans() : children_before_(children()) {}

void Orphans::end(const std::set<pid_t>& known) const {
  constexpr int kGenerations = 8;  // what an orphan has started becomes ours when it ends
  for (int i = 0; i < kGenerations; ++i) {
    bool any = false;
    for (const pid_t pid : children()) {
      if (known.contains(pid) || children_before_.contains(pid) || (getpid() == 1 && !is_ours(pid))) continue;
      any = true;
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    if (!any) return;
  }
}

}  // namespace clb::launch
