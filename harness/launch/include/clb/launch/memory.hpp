// Memory: how much a run may use, how much it uses.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>

namespace clb::launch {

// Bytes that can be had now: MemAvailable, or less when a cgroup (v1 or v2) of this process or one above it sets a limit. The parameters
// are for tests.
uint64_t available_memory(const std::filesystem::path& proc = "/proc", const std::filesystem::path& cgroup = "/sys/fs/cgroup");

// Resident bytes of a process (VmRSS: what mapped files hold in memory counts). 0 when the process is gone.
uint64_t resident_memory(pid_t pid);

// How often the kernel's out-of-memory killer struck since boot.
uint64_t oom_kills();

}  // namespace clb::launch
