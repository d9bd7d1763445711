// How a run ended, in one status and one line.
#pragma once

#include <clb/base/event.hpp>
#include <clb/launch/child.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace clb::launch {

// Where a run is, as far as its events told. Tasks are counted from 1 in everything a person reads.
struct Position {
  std::string phase;  // empty: nothing was heard yet
  int64_t task = -1;  // index; -1: none
  bool over = false;  // the phase has ended and no other has begun

  std::string text() const;  // "in train_task, task 3", "after evaluate, task 2", "while starting"
};

enum class StopCause { kNone, kCancelled, kKilledByUser, kPutOffLate, kTime, kSilence, kMemory, kProtocol };

// Everything the launcher knows of a run that has ended.
struct Facts {
  ChildExit exit;
  Position position;  // last heard; for a stopped run, where it was stopped
  bool done = false;
  std::optional<base::Failed> failed;
  bool cut_off = false;  // bytes came after the last complete event line

  StopCause stop = StopCause::kNone;
  // kTime, kSilence: the limit in words; kProtocol: the sentence; kCancelled: the signal of a batch system, if one asked; kPutOffLate: how
  // long after which signal.
  std::string stop_detail;
  uint64_t peak_memory = 0, memory_limit = 0;
  bool oom_killer_struck = false;  // the kernel's, somewhere on this machine, while the run was on
  std::string last_log_line;
};

struct Outcome {
  std::string status;    // ok | failed | crashed | killed | timeout | cancelled
  std::string reason;    // one line; empty when ok
  std::string log_tail;  // last lines of stdout and stderr; empty when ok
  double wall_s = 0;
  bool bad_checkpoint = false;  // it was to go on after its checkpoint and could not take that up; it may start over
  bool asked_itself = false;    // cancelled at a signal that it got and the launcher did not
  bool of_user = false;         // failed over what was asked for: a setting, a file, a device; exit code 2
  bool of_setting = false;      // failed before its first task over something that no seed changes: what the experiment asks for, a file
  std::map<std::string, double> resources{};  // "processor_seconds" that it took, and LoadMeter::resources
};

Outcome judge(const Facts& facts);

// The last `lines` lines of a log, at most 64 KiB; empty when there is none.
std::string log_tail(const std::filesystem::path& log, size_t lines = 20);

}  // namespace clb::launch
