// What a person sees while runs are on, on stderr: on a terminal one live line per run, otherwise plain lines now and then.
#pragma once

#include <chrono>
#include <clb/base/event.hpp>
#include <cstddef>
#include <map>
#include <string>

namespace clb::cli {

class Display {
 public:
  using Clock = std::chrono::steady_clock;

  Display();  // asks whether stderr is a terminal
  ~Display() { erase(); }
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  void begin(size_t run, const std::string& label, int64_t tasks);  // "run 3 of 12: simplecil seed 1"
  void progress(size_t run, const base::Progress& progress);
  void end(size_t run) { live_.erase(run); }
  void line(const std::string& text);  // stays; above the live lines
  void tick();                         // redraws

 private:
  struct Live {
    std::string label;
    int64_t tasks = 0;
    base::Progress progress;
    Clock::time_point phase_start, last_print;
    int64_t done_at_start = 0;
  };
  std::string text(const Live& live, Clock::time_point now) const;
  void erase();
  void draw();

  bool terminal_;
  size_t drawn_ = 0;  // live lines on the screen
  std::map<size_t, Live> live_;
};

}  // namespace clb::cli
