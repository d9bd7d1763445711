// The one exception type of the SDK, on both sides of the ABI: a plugin throws it, the SDK turns it into a status and clb_host.set_error;
// the caller's side turns a failed call back into it.
#pragma once

#include <clb/abi.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace clb {

class PluginError : public std::runtime_error {
 public:
  // text: one sentence that names the file or argument, what was expected and what was found. The place is the caller's own line.
  PluginError(clb_status status, const std::string& text, std::string file = __builtin_FILE(), int32_t line = __builtin_LINE())
      : std::runtime_error(text), status_(status), file_(std::move(file)), line_(line) {}

  clb_status status() const noexcept { return status_; }       // CLB_E_*
  const char* file() const noexcept { return file_.c_str(); }  // of the source; "" when unknown
  int32_t line() const noexcept { return line_; }

  // On the host's side: whether the plugin itself refused what it was asked for, in words of its own. Else the host tells what a plugin
  // did.
  bool told_by_plugin() const noexcept { return told_by_plugin_; }
  PluginError& set_told_by_plugin(bool told) {
    told_by_plugin_ = told;
    return *this;
  }

 private:
  clb_status status_;
  std::string file_;
  int32_t line_;
  bool told_by_plugin_ = false;
};

// The name of a status class as events and tables show it: "io", "numeric", ...
inline const char* status_name(clb_status status) {
  switch (status) {
    case CLB_OK:
      return "ok";
    case CLB_END:
      return "end";
    case CLB_E_INVALID:
      return "invalid";
    case CLB_E_UNSUPPORTED:
      return "unsupported";
    case CLB_E_NO_MEMORY:
      return "no_memory";
    case CLB_E_CANCELLED:
      return "cancelled";
    case CLB_E_NUMERIC:
      return "numeric";
    case CLB_E_IO:
      return "io";
    case CLB_E_STATE:
      return "state";
    default:
      return "internal";
  }
}

}  // namespace clb
