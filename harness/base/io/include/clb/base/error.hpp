// The one exception type of the rooms: a sentence for the person at the terminal, and the exit code that goes with it.
#pragma once

#include <stdexcept>
#include <string>

namespace clb::base {

// Exit codes of every program (docs/cluster.md). kGoOnLater is EX_TEMPFAIL of sysexits.h: stopped by SIGUSR1, SIGUSR2 or SIGTERM with
// work left, to be gone on with by the same database; batch systems start a job again on it.
enum class Exit : int { kOk = 0, kFailedRun = 1, kUserMistake = 2, kInternal = 3, kCannotTell = 4, kGoOnLater = 75 };

// what() is one sentence: what is wrong, where (file:line:column or file and offset), what was expected, what to do.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& sentence, Exit exit = Exit::kUserMistake) : std::runtime_error(sentence), exit_(exit) {}
  Exit exit() const noexcept { return exit_; }

 private:
  Exit exit_;
};

// Something could not be written: a full disk, a limit, no permission. What writes a mere cache goes on without it.
class WriteError : public Error {
  using Error::Error;
};

}  // namespace clb::base
