// Watches one run against its limits. No process and no clock of its own, so that every rule can be tested in no time.
#pragma once

#include <chrono>
#include <clb/base/event.hpp>
#include <clb/launch/lines.hpp>
#include <clb/launch/outcome.hpp>
#include <functional>
#include <optional>
#include <string_view>

namespace clb::launch {

using Clock = std::chrono::steady_clock;

struct Limits {
  double wall_s = 0;          // of one run; 0: none
  double silence_s = 1800;    // without any event; 0: none
  uint64_t memory_bytes = 0;  // resident (resident_memory()); 0: none
  double grace_s = 5;         // between the request to stop and SIGKILL when a limit was hit
  double put_off_s = 15;      // likewise when a batch system stops it; Slurm leaves 30 s between SIGTERM and SIGKILL
};

// What the caller has to do to the process now.
enum class Action { kNone, kAskToStop, kKill };

class Watch {
 public:
  Watch(const Limits& limits, Clock::time_point start);

  // Takes bytes of the event pipe; calls `event` for every event in order. A line that is no event, or one that comes out of order, stops
  // the run; nothing after it is passed on.
  void take(std::string_view bytes, Clock::time_point now, const std::function<void(const base::Event&)>& event);

  Action check(Clock::time_point now, uint64_t resident_bytes);  // call a few times a second
  void cancel(bool kill);                                        // the user's wish; the process is told by the caller
  // The wish of a batch system, which said it with `signal`: as cancel(false), but the process is killed when it does not end soon.
  void put_off(int signal, Clock::time_point now);

  // Once the process has ended and its pipe is drained.
  Facts facts(const ChildExit& exit, bool oom_killer_struck, std::string last_log_line) const;
  // Where it was, or failed.
  const std::string& phase() const { return facts_.failed && !facts_.failed->phase.empty() ? facts_.failed->phase : facts_.position.phase; }
  double seconds(Clock::time_point now) const { return std::chrono::duration<double>(now - start_).count(); }

 private:
  void expect_order(const base::Event& event);  // Error: it must not come now
  void note(const base::Event& event);
  void stop(StopCause cause, std::string detail);

  Limits limits_;
  Clock::time_point start_, last_event_, kill_at_{};
  std::optional<Clock::time_point> put_off_until_;
  LineCutter lines_;
  bool hello_ = false, told_ = false, killed_ = false;
  Facts facts_;
};

}  // namespace clb::launch
