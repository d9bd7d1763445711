#include <clb/launch/memory.hpp>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

namespace clb::launch {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

// The number after `key` in a file of "key number" or "key: number kB" lines; `missing` when there is none.
uint64_t field(const fs::path& file, const std::string& key, uint64_t missing) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name, unit;
    uint64_t value = 0;
    if (!(words >> name >> value)) continue;
    if (name == key || name == key + ":") return words >> unit && unit == "kB" ? value * 1024 : value;
  }
  return missing;
}

uint64_t number(const fs::path& file, uint64_t missing) {
  std::ifstream in(file);
  uint64_t value = 0;
  return in >> value ? value : missing;  // "max" is no number
}

// What is left under the limit of one cgroup folder; file pages that can be dropped count as free.
uint64_t left_in(const fs::path& folder, bool v2) {
  const uint64_t limit = number(folder / (v2 ? "memory.max" : "memory.limit_in_bytes"), kUnlimited);
  if (limit >= kUnlimited / 4) return kUnlimited;  // v1 writes a huge number for "none"
  const uint64_t used = number(folder / (v2 ? "memory.current" : "memory.usage_in_bytes"), 0);
  const uint64_t droppable = field(folder / "memory.stat", v2 ? "inactive_file" : "total_inactive_file", 0);
  const uint64_t held = used - std::min(used, droppable);
  return limit - std::min(limit, held);
}

// The tightest limit from the process's own group up to the root of the hierarchy. Inside a container the path may not exist below the
// mount; the root of the mount is then the container's group.
uint64_t left_upwards(const fs::path& mount, const std::string& path, bool v2) {
  uint64_t left = left_in(mount, v2);
  fs::path folder = mount;
  for (const fs::path& part : fs::path(path).relative_path()) {
    folder /= part;
    left = std::min(left, left_in(folder, v2));
  }
  return left;
}

}  // namespace

uint64_t available_memory(const fs::path& proc, const fs::path& cgroup) {
  uint64_t available = field(proc / "meminfo", "MemAvailable", kUnlimited);
  std::ifstream groups(proc / "self" / "cgroup");
  for (std::string line; std::getline(groups, line);) {  // "4:memory:/path" (v1) or "0::/path" (v2)
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = std::string(",").append(line, first + 1, second - first - 1).append(","),
                      path = line.substr(second + 1);
    if (controllers == ",,") {
      std::error_code error;
      const fs::path mount = fs::exists(cgroup / "unified", error) ? cgroup / "unified" : cgroup;
      available = std::min(available, left_upwards(mount, path, true));
    } else if (controllers.find(",memory,") != std::string::npos) {
      available = std::min(available, left_upwards(cgroup / "memory", path, false));
    }
  }
  return available;
}

uint64_t resident_memory(pid_t pid) { return field(fs::path("/proc") / std::to_string(pid) / "status", "VmRSS", 0); }

uint64_t oom_kills() { return field("/proc/vmstat", "oom_kill", 0); }

}  // namespace clb::launch
