#include "machine.hpp"

#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <clb/base/precision.hpp>
#include <fstream>
#include <sstream>
#include <string>

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

// What follows "key :" in a file of such lines.
std::string value_of(const fs::path& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const size_t colon = line.find(':'), begin = line.find_first_not_of(" \t", colon + 1);
    if (colon != std::string::npos && begin != std::string::npos) return line.substr(begin);
  }
  return "";
}

// The instruction sets that change how fast, and in which order, sums are computed.
std::string telling_flags() {
  constexpr std::array kTelling{"avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16", "sve"};
  std::istringstream all(value_of("/proc/cpuinfo", "flags") + " " + value_of("/proc/cpuinfo", "Features"));
  std::string kept;
  for (std::string flag; all >> flag;) {
    if (std::find(kTelling.begin(), kTelling.end(), flag) != kTelling.end()) kept += (kept.empty() ? "" : " ") + flag;
  }
  return kept;
}

std::string first_gpu() {
  std::error_code error;
  for (fs::directory_iterator card("/proc/driver/nvidia/gpus", error), end; !error && card != end; card.increment(error)) {
    return value_of(card->path() / "information", "Model");
  }
  return "";
}

}  // namespace

int64_t usable_cores() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

std::string bf16_form() { return base::bf16_form(value_of("/proc/cpuinfo", "vendor_id"), telling_flags()); }

store::Machine this_machine() {
  store::Machine machine;
  machine.cpu = value_of("/proc/cpuinfo", "model name");
  machine.cpu_flags = telling_flags();
  machine.gpu = first_gpu();
  utsname name{};
  if (uname(&name) == 0) machine.os = std::string(name.sysname) + " " + name.release + " " + name.machine;
  machine.cores = usable_cores();
  std::istringstream(value_of("/proc/meminfo", "MemTotal")) >> machine.memory_bytes;
  machine.memory_bytes *= 1024;
  return machine;
}

}  // namespace clb::cli
