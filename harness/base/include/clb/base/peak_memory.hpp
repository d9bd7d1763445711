// Peak resident memory of this process, by phase. Linux can forget a peak (clear_refs of proc(5)); where it cannot, nothing is known of
// phases, and the peak of the run is all there is.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace clb::base {

class PeakMemory {
 public:
  PeakMemory();
  ~PeakMemory();
  PeakMemory(const PeakMemory&) = delete;
  PeakMemory& operator=(const PeakMemory&) = delete;

  void charge(const std::string& phase);                                   // the peak since the last call belongs to this phase
  int64_t whole() const;                                                   // bytes, of the run so far
  const std::map<std::string, int64_t>& phases() const { return peaks_; }  // bytes; empty: unknown

 private:
  int forget_;  // descriptor; -1: cannot
  std::map<std::string, int64_t> peaks_;
  int64_t before_ = 0;  // highest peak that was forgotten
};

}  // namespace clb::base
