#include <clb/launch/load.hpp>

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace clb::launch {
namespace {

// "cpu3 user nice system idle iowait irq softirq steal ...": all but idle and iowait. Guests are part of user.
std::optional<double> busy_ticks(std::istringstream& columns) {
  constexpr int kIdle = 3, kIoWait = 4, kColumns = 8;
  double sum = 0, ticks = 0;
  for (int column = 0; column < kColumns; ++column) {
    if (!(columns >> ticks)) return std::nullopt;
    if (column != kIdle && column != kIoWait) sum += ticks;
  }
  return sum;
}

}  // namespace

std::optional<Busy> busy(const std::filesystem::path& proc) {
  cpu_set_t usable;
  if (sched_getaffinity(0, sizeof usable, &usable) != 0) return std::nullopt;
  std::ifstream in(proc / "stat");
  Busy all;
  for (std::string line; std::getline(in, line) && line.starts_with("cpu");) {
    std::istringstream columns(line.substr(3));
    int processor = 0;
    if (line[3] == ' ' || !(columns >> processor) || processor < 0 || processor >= CPU_SETSIZE || !CPU_ISSET(processor, &usable)) continue;
    const auto ticks = busy_ticks(columns);
    if (!ticks) return std::nullopt;
    all.seconds += *ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
    ++all.processors;
  }
  if (all.processors == 0) return std::nullopt;
  return all;
}

std::optional<double> load_average(const std::filesystem::path& proc) {
  std::ifstream in(proc / "loadavg");
  double value = 0;
  if (!(in >> value)) return std::nullopt;
  return value;
}

LoadMeter::LoadMeter() : start_(std::chrono::steady_clock::now()), busy_(busy()), average_(load_average()) {}

std::map<std::string, double> LoadMeter::resources(double own_seconds) const {
  std::map<std::string, double> values;
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const std::optional<Busy> now = busy_ ? busy() : std::nullopt;
  if (now && elapsed > 0) {
    const double others = now->seconds - busy_->seconds - own_seconds, offered = elapsed * now->processors;
    values["others_share"] = std::clamp(others / offered, 0.0, 1.0);
  }
  if (average_) values["load_start"] = *average_;
  if (const auto average = load_average()) values["load_end"] = *average;
  return values;
}

}  // namespace clb::launch
