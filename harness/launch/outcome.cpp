#include <clb/launch/outcome.hpp>

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/launch/human.hpp>
#include <fstream>

namespace clb::launch {

std::string Position::text() const {
  if (phase.empty()) return "while starting";
  return fmt::format("{} {}{}", over ? "after" : "in", phase, task >= 0 ? fmt::format(", task {}", task + 1) : "");
}

namespace {

Outcome outcome(std::string status, std::string reason) {
  return {.status = std::move(status), .reason = std::move(reason), .log_tail = {}};
}

std::string memory_words(const Facts& facts) {
  return fmt::format("peak memory {} of {}", human_bytes(facts.peak_memory), human_bytes(facts.memory_limit));
}

std::string stopped_words(const Facts& facts) {
  const bool batch = facts.stop == StopCause::kCancelled && !facts.stop_detail.empty();
  return batch ? "stopped by " + facts.stop_detail : "stopped on request";
}

Outcome judge_stopped(const Facts& facts) {
  const std::string where = facts.position.text();
  switch (facts.stop) {
    case StopCause::kTime:
      return outcome("timeout", fmt::format("{} of --max-time used up {}", facts.stop_detail, where));
    case StopCause::kSilence:
      return outcome("timeout", fmt::format("silent for {} {}", facts.stop_detail, where));
    case StopCause::kMemory:
      return outcome("killed", fmt::format("{}, probably out of memory (limit: --max-memory) {}", memory_words(facts), where));
    case StopCause::kProtocol:
      return outcome("failed", fmt::format("{} {}", facts.stop_detail, where));
    case StopCause::kKilledByUser:
      return outcome("cancelled", fmt::format("killed at the second request to stop {}", where));
    case StopCause::kPutOffLate:
      return outcome("cancelled", fmt::format("killed {} {}", facts.stop_detail, where));
    default:
      return outcome("cancelled", stopped_words(facts) + " " + where);
  }
}

Outcome judge_signal(const Facts& facts) {
  const std::string where = facts.position.text();
  if (facts.exit.signal != SIGKILL && facts.exit.signal != SIGTERM) {
    return outcome("crashed", fmt::format("{} {}", signal_name(facts.exit.signal), where));
  }
  // Who sent SIGKILL is not told. The kernel does it when memory ran out; then its counter rose, or the run was large.
  if (facts.exit.signal == SIGKILL && (facts.oom_killer_struck || facts.peak_memory >= facts.memory_limit / 2)) {
    return outcome("killed", fmt::format("{}, probably out of memory {}", memory_words(facts), where));
  }
  return outcome("killed", fmt::format("{} from outside {} ({})", signal_name(facts.exit.signal), where, memory_words(facts)));
}

Outcome judge_failed(const Facts& facts) {
  const base::Failed& failed = *facts.failed;
  if (failed.status == "cancelled") {
    const bool itself = facts.stop == StopCause::kNone && facts.exit.code == static_cast<int>(base::Exit::kGoOnLater);
    Outcome cancelled = outcome(
        "cancelled", (itself ? std::string("stopped by a signal to its runner") : stopped_words(facts)) + " " + facts.position.text());
    cancelled.asked_itself = itself;
    return cancelled;
  }
  Position place = facts.position;
  if (!failed.phase.empty()) place = {failed.phase, failed.task, false};
  std::string reason = fmt::format("{}: {} ({}", failed.status, failed.text, place.text());
  if (!failed.file.empty()) reason += fmt::format("; {}:{}", failed.file, failed.line);
  if (failed.status == "checkpoint") {
    Outcome bad = outcome("failed", failed.text);
    bad.bad_checkpoint = true;
    return bad;
  }
  Outcome judged = outcome("failed", reason + ")");
  const bool early = place.phase == "load" || place.phase == "create";
  judged.of_setting = early && (failed.status == "invalid" || failed.status == "unsupported" || failed.status == "io");
  judged.of_user = failed.of_user || judged.of_setting;
  return judged;
}

}  // namespace

Outcome judge(const Facts& facts) {
  const bool clean = facts.exit.code == 0 && facts.done && !facts.cut_off;
  if (facts.stop == StopCause::kProtocol) return judge_stopped(facts);
  if (clean) return outcome("ok", "");  // it may have been asked to stop too late
  const bool stopped = facts.stop != StopCause::kNone;
  const bool asked_politely = facts.stop == StopCause::kCancelled;
  if (facts.failed && (!stopped || asked_politely)) return judge_failed(facts);
  if (stopped && !(asked_politely && facts.exit.signal != SIGTERM && facts.exit.signal != 0)) return judge_stopped(facts);
  if (facts.exit.signal != 0) return judge_signal(facts);

  const std::string said = facts.last_log_line.empty() ? "" : ": " + facts.last_log_line;
  if (facts.exit.code != 0) return outcome("failed", fmt::format("exit code {} {}{}", facts.exit.code, facts.position.text(), said));
  if (facts.cut_off) return outcome("failed", fmt::format("the last event line is cut off {}", facts.position.text()));
  return outcome("failed", fmt::format("ended without its last event {}", facts.position.text()));
}

std::string log_tail(const std::filesystem::path& log, size_t lines) {
  constexpr std::streamoff kMost = 64 << 10;
  std::ifstream in(log, std::ios::binary | std::ios::ate);
  if (!in) return "";
  const std::streamoff size = in.tellg(), take = std::min(size, kMost);
  std::string tail(static_cast<size_t>(take), '\0');
  in.seekg(size - take);
  in.read(tail.data(), take);
  tail.resize(static_cast<size_t>(in.gcount()));
  while (!tail.empty() && (tail.back() == '\n' || tail.back() == ' ')) tail.pop_back();

  size_t begin = tail.size();
  for (size_t found = 0; found < lines && begin != std::string::npos; ++found) {
    begin = begin == 0 ? std::string::npos : tail.rfind('\n', begin - 1);
  }
  return begin == std::string::npos ? tail : tail.substr(begin + 1);
}

}  // namespace clb::launch
