#include "display.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <clb/launch/human.hpp>
#include <cstdio>

#include "say.hpp"

namespace clb::cli {

namespace {

constexpr auto kPlainEvery = std::chrono::seconds(10);      // lines of one run when stderr is no terminal
constexpr auto kPlainPhaseEvery = std::chrono::seconds(1);  // at a new phase; short phases are passed over

size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

}  // namespace

Display::Display() : terminal_(isatty(STDERR_FILENO) == 1) {}

void Display::begin(size_t run, const std::string& label, int64_t tasks) {
  Live live;
  live.label = label;
  live.tasks = tasks;
  live.phase_start = live.last_print = Clock::now();
  live_[run] = live;
  if (!terminal_) line(label + ": started");
}

void Display::progress(size_t run, const base::Progress& progress) {
  Live& live = live_[run];
  const auto now = Clock::now();
  const bool new_phase = progress.phase != live.progress.phase || progress.task != live.progress.task;
  if (new_phase || progress.done < live.done_at_start) {
    live.phase_start = now;
    live.done_at_start = progress.done;
  }
  live.progress = progress;
  if (!terminal_ && now - live.last_print >= (new_phase ? kPlainPhaseEvery : kPlainEvery)) {
    live.last_print = now;
    line(text(live, now));
  }
}

std::string Display::text(const Live& live, Clock::time_point now) const {
  const base::Progress& at = live.progress;
  if (at.phase.empty()) return live.label + ": starting";
  std::string text = fmt::format("{}: {}", live.label, at.phase);
  if (at.task >= 0 && live.tasks > 0) text += fmt::format(", task {}/{}", at.task + 1, live.tasks);
  const std::string unit = at.what.empty() ? "" : " " + at.what;
  if (at.total > 0) {
    text += fmt::format(", {}/{}{}", at.done, at.total, unit);
  } else if (at.done > 0) {
    text += fmt::format(", {}{}", at.done, unit);
  }
  const double seconds = std::chrono::duration<double>(now - live.phase_start).count();
  const double rate = static_cast<double>(at.done - live.done_at_start) / seconds;
  if (seconds < 0.5 || !(rate > 0)) return text;
  text += fmt::format(", {:.{}f}/s", rate, rate < 10 ? 1 : 0);
  if (at.total > at.done) text += fmt::format(", {} left", launch::human_seconds(static_cast<double>(at.total - at.done) / rate));
  return text;
}

void Display::line(const std::string& text) {
  erase();
  say(stderr, "{}\n", text);
  draw();
}

void Display::tick() {
  if (!terminal_) return;
  erase();
  draw();
}

void Display::erase() {
  for (; drawn_ > 0; --drawn_) fmt::print(stderr, "\r\x1b[1A\x1b[2K");
}

void Display::draw() {
  if (!terminal_) return;
  const auto now = Clock::now();
  for (const auto& [run, live] : live_)
    fmt::print(stderr, "{}\n", base::cut_to_width(base::printable(text(live, now)), terminal_width() - 1));
  drawn_ = live_.size();
}

}  // namespace clb::cli
