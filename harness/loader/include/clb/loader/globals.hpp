// What a plugin must leave as it is (abi.h, rule 6): of the process a table in globals.cpp, a line each; a library whose globals are to be
// watched too adds its own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace clb::loader {

struct Global {
  const char* name;
  unsigned look;  // the one bit under which it is looked at
  int64_t (*value)();
  std::string (*change)(int64_t before, int64_t now) = [](int64_t, int64_t) { return std::string(); };
};

class Globals {
 public:
  // What is looked at: the calling thread's own; the process's; what the host itself sets on the session's thread; what costs microseconds.
  static constexpr unsigned kThread = 1, kProcess = 2, kSession = 4, kSlow = 8;
  static constexpr unsigned kEach = kThread | kProcess | kSession;              // at every call of a method
  static constexpr unsigned kAll = kEach | kSlow, kAnywhere = kAll - kSession;  // now and then; of a call on any thread

  static void watch(std::span<const Global> more);  // once at the start of the process, before the first Globals

  Globals(std::string call, unsigned look);  // as they are now; `call` is about to be made
  ~Globals();
  Globals(const Globals&) = delete;

  void expect_unchanged() const;  // PluginError CLB_E_INVALID: "CALL changed WHAT; a plugin sets no global"

  // What the host is about to compute others will read (cached features): the same for the call that this thread is in, if any.
  static void expect_unchanged_in_call();

 private:
  std::string call_;
  unsigned look_;
  std::vector<int64_t> values_;
  const Globals* outer_;
};

}  // namespace clb::loader
