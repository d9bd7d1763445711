// What nn throws: a sentence, and what kind of mistake it tells of. At the border of a plugin each kind becomes a status of the ABI
// (sdk/nn_error.hpp), so that what the user asked for wrongly is told as his mistake wherever it is found.
#pragma once

#include <clb/base/error.hpp>
#include <string>

namespace clb::nn {

enum class ErrorKind {
  kInvalid,      // an option, a parameter or an input that cannot be: the user's mistake
  kUnsupported,  // could be, but is not offered here: the user's mistake
  kNumeric,      // NaN, infinity, or a system that cannot be solved
  kIo,           // a file that is damaged, or not what it should be
  kState,        // a saved state that does not belong here
  kInternal,     // a mistake of the code that calls
};

class Error : public base::Error {
 public:
  Error(ErrorKind kind, const std::string& sentence) : base::Error(sentence, exit_of(kind)), kind_(kind) {}
  ErrorKind kind() const noexcept { return kind_; }

 private:
  static base::Exit exit_of(ErrorKind kind) noexcept {
    if (kind == ErrorKind::kNumeric) return base::Exit::kFailedRun;
    return kind == ErrorKind::kState || kind == ErrorKind::kInternal ? base::Exit::kInternal : base::Exit::kUserMistake;
  }
  ErrorKind kind_;
};

}  // namespace clb::nn
