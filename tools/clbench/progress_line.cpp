#include "progress_line.hpp"
#include "say.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <clb/launch/human.hpp>
#include <cstdio>
#include <map>
#include <utility>

namespace clb::cli {

namespace {

using Clock = std::chrono::steady_clock;

// The line, at most one every two seconds; nothing of what ends before that.
class Line {
 public:
  // True: it is time for one.
  bool due() { return Clock::now() >= next_; }
  void write(const std::string& text) {
    next_ = Clock::now() + kEvery;
    drawn_ = true;
    fmt::print(stderr, "{}{}{}", terminal_ ? "\r\033[K" : "", base::printable(text), terminal_ ? "" : "\n");
    std::fflush(stderr);
  }
  void erase() {
    if (std::exchange(drawn_, false) && terminal_) fmt::print(stderr, "\r\033[K");
  }

 private:
  static constexpr std::chrono::seconds kEvery{2};
  bool terminal_ = isatty(STDERR_FILENO) == 1, drawn_ = false;
  Clock::time_point next_ = Clock::now() + kEvery;
};

}  // namespace

std::function<void(size_t, size_t)> progress_line(const std::string& subject, const std::string& what) {
  return [=, line = Line(), start = Clock::now()](size_t done, size_t all) mutable {
    if (done == all) return line.erase();
    if (!line.due()) return;
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count(), rate = static_cast<double>(done) / seconds;
    const std::string left = rate > 0 ? launch::human_seconds(static_cast<double>(all - done) / rate) + " left" : "no end in sight";
    line.write(fmt::format("{}: {} of {} {}, {:.0f} a second, {}", subject, done, all, what, rate, left));
  };
}

namespace {

// Of one thing that is done to the bytes. What was done before does not count for the rate.
struct Course {
  std::string what;
  uint64_t from = 0;
  Clock::time_point start = Clock::now();

  std::string text(uint64_t done, uint64_t all) const {
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const double rate = seconds > 0 ? static_cast<double>(done - from) / seconds : 0;
    std::string line = launch::human_bytes(done) + (all ? " of " + launch::human_bytes(all) : "") + " " + what;
    line += fmt::format(", {} a second", launch::human_bytes(static_cast<uint64_t>(rate)));
    if (all > done && rate > 0) line += fmt::format(", {} left", launch::human_seconds(static_cast<double>(all - done) / rate));
    return line;
  }
};

}  // namespace

std::function<void(const std::string&, uint64_t, uint64_t)> bytes_progress(const std::string& subject) {
  return [=, line = Line(), course = Course()](const std::string& what, uint64_t done, uint64_t all) mutable {
    if (what != course.what || done < course.from) course = {what, done, Clock::now()};
    if (all != 0 && done == all) return line.erase();
    if (line.due()) line.write(subject + ": " + course.text(done, all));
  };
}

launch::Describer::Progress reading_progress() {
  struct Reading {
    std::function<void(size_t, size_t)> samples;
    Line waiting;
  };
  return [readings = std::map<std::string, Reading>()](const std::string& root, const base::Progress& progress) mutable {
    const std::string subject = root.empty() ? "the data set" : root;
    Reading& reading = readings[root];
    if (progress.total > 0) {
      reading.waiting.erase();
      if (!reading.samples) reading.samples = progress_line(subject, progress.what + " read");
      reading.samples(static_cast<size_t>(progress.done), static_cast<size_t>(progress.total));
    } else if (reading.waiting.due()) {
      reading.waiting.write(subject + ": " + progress.what);
    }
  };
}

}  // namespace clb::cli
