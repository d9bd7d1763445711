// How busy others kept the machine while a run was on. A time means little without it.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace clb::launch {

// Processor time, in seconds, that the processors which this process may use have spent on anybody's work since the machine started, stolen
// time (of a virtual machine's host) included, and how many processors these are. nullopt where /proc/stat does not tell.
struct Busy {
  double seconds = 0;
  int processors = 0;
};
std::optional<Busy> busy(const std::filesystem::path& proc = "/proc");
std::optional<double> load_average(const std::filesystem::path& proc = "/proc");  // of the last minute

// From its construction on.
class LoadMeter {
 public:
  LoadMeter();

  // As a run's resources; `own_seconds`: processor time that the run itself took. What the machine does not tell is left out.
  //   others_share           of the processors' time since then, what others took: 0 to 1
  //   load_start, load_end   load average of one minute
  std::map<std::string, double> resources(double own_seconds) const;

 private:
  std::chrono::steady_clock::time_point start_;
  std::optional<Busy> busy_;
  std::optional<double> average_;
};

}  // namespace clb::launch
