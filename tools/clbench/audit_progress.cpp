#include "audit_progress.hpp"
#include "say.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <clb/launch/human.hpp>
#include <cstdio>

namespace clb::cli {

std::function<void(size_t, size_t)> audit_progress(const std::filesystem::path& file) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::seconds kEvery(2);
  const bool terminal = isatty(STDERR_FILENO) == 1;
  const auto start = Clock::now();
  return [=, next = start + kEvery](size_t done, size_t all) mutable {
    const auto now = Clock::now();
    const bool drawn = next > start + kEvery;
    if (done == all && drawn && terminal) fmt::print(stderr, "\r\033[K");
    if (now < next || done == all) return;
    next = now + kEvery;
    const double seconds = std::chrono::duration<double>(now - start).count(), rate = static_cast<double>(done) / seconds;
    fmt::print(stderr, "{}{}: {} of {} runs recounted, {:.0f} a second, {} left{}", terminal ? "\r\033[K" : "",
               base::printable(file.string()), done, all, rate, launch::human_seconds(static_cast<double>(all - done) / rate),
               terminal ? "" : "\n");
  };
}

}  // namespace clb::cli
