// What a call that must fail says.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace clb::testing {

// The sentence of the `Error` that `call` throws; the test fails when it throws none.
template <class Error, class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "no error was thrown";
  return "";
}

// The same of a call that may also succeed: "" then.
template <class Error, class Call>
std::string said_by(Call call) {
  try {
    call();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace clb::testing
