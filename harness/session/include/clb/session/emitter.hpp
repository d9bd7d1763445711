// Writes events (base/event.hpp) to the launcher's descriptor, whole lines only; progress is thinned to a few a second.
#pragma once

#include <atomic>
#include <chrono>
#include <clb/base/error.hpp>
#include <clb/base/event.hpp>
#include <mutex>

namespace clb::session {

class Emitter {
 public:
  explicit Emitter(int fd);  // keeps a descriptor of its own: who closes `fd` does not cut it off
  ~Emitter();
  Emitter(const Emitter&) = delete;

  void fall_silent();  // for a child of this process

  void emit(const base::Event& event) { emit_line(base::encode(event)); }  // [any]; a launcher that is gone ends this process
  void emit_line(const std::string& line);                                 // [any]; an event that is encoded already
  void progress(const base::Progress& progress);                           // [any]

 private:
  int fd_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point last_progress_{};
  std::string last_phase_;
};

// True once SIGTERM, SIGUSR1 or SIGUSR2 arrived: the run stops at its next safe point.
bool cancelled();
void install_cancel_handler();

}  // namespace clb::session
