#include <clb/launch/watch.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/launch/human.hpp>
#include <variant>

namespace clb::launch {

namespace {

Clock::duration seconds_of(double s) { return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s)); }

}  // namespace

Watch::Watch(const Limits& limits, Clock::time_point start) : limits_(limits), start_(start), last_event_(start) {
  facts_.memory_limit = limits.memory_bytes;
}

void Watch::take(std::string_view bytes, Clock::time_point now, const std::function<void(const base::Event&)>& event) {
  const auto give = [&](std::string_view line) {
    if (facts_.stop == StopCause::kProtocol) return;
    base::Event decoded;
    try {
      decoded = base::decode(line);
      expect_order(decoded);
    } catch (const std::exception& error) {
      stop(StopCause::kProtocol, fmt::format("event line {} is malformed: {}", lines_.count(), error.what()));
      return;
    }
    last_event_ = now;
    note(decoded);
    event(decoded);
  };
  if (facts_.stop == StopCause::kProtocol) return;
  try {
    lines_.feed(bytes, give);
  } catch (const base::Error& error) {
    stop(StopCause::kProtocol, error.what());
  }
}

void Watch::expect_order(const base::Event& event) {
  const bool is_hello = std::holds_alternative<base::Hello>(event);
  if (facts_.done || facts_.failed) throw base::Error("it comes after the last event");
  if (is_hello && hello_) throw base::Error("a second hello");
  if (!is_hello && !hello_ && !std::holds_alternative<base::Failed>(event) && !std::holds_alternative<base::Log>(event)) {
    throw base::Error("hello must come first");
  }
  hello_ = hello_ || is_hello;
}

void Watch::note(const base::Event& event) {
  if (facts_.stop != StopCause::kNone && facts_.stop != StopCause::kCancelled) {
    // The position stays where the limit was hit.
  } else if (const auto* progress = std::get_if<base::Progress>(&event)) {
    facts_.position = {progress->phase, progress->task, false};
  } else if (const auto* span = std::get_if<base::Span>(&event)) {
    facts_.position = {span->phase, span->task, true};
  } else if (const auto* task = std::get_if<base::TaskDone>(&event)) {
    facts_.position = {"evaluate", task->task, true};
  }
  if (const auto* failed = std::get_if<base::Failed>(&event)) facts_.failed = *failed;
  if (std::holds_alternative<base::Done>(event)) facts_.done = true;
}

void Watch::stop(StopCause cause, std::string detail) {
  facts_.stop = cause;
  facts_.stop_detail = std::move(detail);
}

void Watch::cancel(bool kill) {
  if (facts_.stop == StopCause::kNone || facts_.stop == StopCause::kCancelled) {
    facts_.stop = kill ? StopCause::kKilledByUser : StopCause::kCancelled;
  }
}

void Watch::put_off(int signal, Clock::time_point now) {
  if (facts_.stop != StopCause::kNone) return;
  stop(StopCause::kCancelled, signal_name(signal));
  put_off_until_ = now + seconds_of(limits_.put_off_s);
}

Action Watch::check(Clock::time_point now, uint64_t resident_bytes) {
  facts_.peak_memory = std::max(facts_.peak_memory, resident_bytes);
  const bool within = facts_.stop == StopCause::kNone || facts_.stop == StopCause::kCancelled;
  if (within) {
    if (limits_.memory_bytes && resident_bytes > limits_.memory_bytes) {
      stop(StopCause::kMemory, "");
    } else if (limits_.wall_s > 0 && now - start_ > seconds_of(limits_.wall_s)) {
      stop(StopCause::kTime, human_seconds(limits_.wall_s));
    } else if (limits_.silence_s > 0 && now - last_event_ > seconds_of(limits_.silence_s)) {
      stop(StopCause::kSilence, human_seconds(limits_.silence_s));
    } else if (put_off_until_ && now >= *put_off_until_) {
      stop(StopCause::kPutOffLate, fmt::format("{} after {}", human_seconds(limits_.put_off_s), facts_.stop_detail));
      killed_ = true;
      return Action::kKill;
    } else {
      return Action::kNone;
    }
  }
  if (facts_.stop == StopCause::kKilledByUser || killed_) return Action::kNone;  // the caller has killed it
  // No grace when memory is short: what was measured so far is committed, and waiting may bring the machine down.
  if (facts_.stop == StopCause::kMemory || (told_ && now >= kill_at_)) {
    killed_ = true;
    return Action::kKill;
  }
  if (told_) return Action::kNone;
  told_ = true;
  kill_at_ = now + seconds_of(limits_.grace_s);
  return Action::kAskToStop;
}

Facts Watch::facts(const ChildExit& exit, bool oom_killer_struck, std::string last_log_line) const {
  Facts facts = facts_;
  facts.exit = exit;
  facts.cut_off = !lines_.rest().empty();
  facts.oom_killer_struck = oom_killer_struck;
  facts.last_log_line = std::move(last_log_line);
  return facts;
}

}  // namespace clb::launch
