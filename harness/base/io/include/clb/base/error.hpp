// The one exception type of the rooms: a sentence for the person at the terminal, and the exit code that goes with it.
#pragma once

#include <stdexcept>
#include <string>

namespace clb::base {

// Exit codes of every program (design: results, section "Exit codes everywhere").
enum class Exit : int { kOk = 0, kFailedRun = 1, kUserMistake = 2, kInternal = 3, kCannotTell = 4 };

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
