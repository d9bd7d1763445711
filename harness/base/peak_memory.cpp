#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <clb/base/peak_memory.hpp>

namespace clb::base {
namespace {

int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace

PeakMemory::PeakMemory() : forget_(open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)) {}
PeakMemory::~PeakMemory() {
  if (forget_ >= 0) close(forget_);
}

void PeakMemory::charge(const std::string& phase) {
  if (forget_ < 0) return;
  const int64_t peak = peak_bytes();
  before_ = std::max(before_, peak);
  int64_t& known = peaks_[phase];
  known = std::max(known, peak);
  if (pwrite(forget_, "5", 1, 0) != 1) {  // refused, perhaps by a sandbox: later peaks would hold earlier ones
    peaks_.clear();
    close(forget_);
    forget_ = -1;
  }
}

int64_t PeakMemory::whole() const { return std::max(before_, peak_bytes()); }

}  // namespace clb::base
