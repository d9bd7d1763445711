// Wall time and peak memory per phase, exclusive: while an inner phase runs, its outer one stands still, so that the sum of all spans is
// the time of the run.
#pragma once

#include <chrono>
#include <clb/base/event.hpp>
#include <clb/base/peak_memory.hpp>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace clb::base {

class Spans {
 public:
  class Scope {
   public:
    ~Scope();
    Scope(const Scope&) = delete;

   private:
    friend class Spans;
    explicit Scope(Spans& spans) : spans_(spans) {}
    Spans& spans_;
  };

  [[nodiscard]] Scope enter(std::string phase, int64_t task);
  std::vector<base::Span> take();  // what has been measured since the last take
  const PeakMemory& memory() const { return memory_; }
  double waited() const { return waited_; }  // seconds for images that loader threads had not made yet: within phases, no phase itself
  void count_waiting(double seconds) { waited_ += seconds; }
  std::string phase() const;                                   // [any] innermost, "" outside
  const std::string& failed_phase() const { return failed_; }  // innermost that an exception left

 private:
  using Clock = std::chrono::steady_clock;
  struct Open {
    std::string phase;
    int64_t task;
  };
  void charge();              // the time since mark_ to the innermost phase
  mutable std::mutex mutex_;  // of stack_: a plugin reports progress from any thread
  std::vector<Open> stack_;
  std::map<std::pair<std::string, int64_t>, double> seconds_;
  Clock::time_point mark_ = Clock::now();
  std::string failed_;
  double waited_ = 0;
  PeakMemory memory_;
};

}  // namespace clb::base
