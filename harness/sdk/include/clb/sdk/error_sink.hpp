// The host's end of clb_host.set_error: keeps the last text of the calling thread until the failed call is turned into an exception.
#pragma once

#include <clb/host.h>

#include <clb/sdk/error.hpp>
#include <string>

namespace clb {

class ErrorSink {
 public:
  // For clb_host.set_error; `self` is not used.
  static void set_error(void*, clb_status, const char* text, const char* file, int32_t line) noexcept try {
    Said& said = last();
    said = Said{};
    said.text = text ? text : "";
    said.file = file ? file : "";
    said.line = line;
  } catch (...) {
    // Out of memory for a sentence: the status alone has to do.
  }

  static void clear() noexcept { last() = Said{}; }

  // The exception for a call on this thread that returned `status`. `otherwise` is its sentence when the plugin gave none.
  static PluginError take(clb_status status, const std::string& otherwise) {
    const Said said = std::exchange(last(), Said{});
    return PluginError(status, said.text.empty() ? otherwise + " (" + status_name(status) + ") without a reason" : said.text, said.file,
                       said.line);
  }

  // A host that offers a dataset all it may use: set_error, and a log that goes nowhere.
  static clb_host minimal_host() {
    clb_host host{};
    host.struct_size = sizeof(host);
    host.log = [](void*, int32_t, const char*) {};
    host.set_error = &ErrorSink::set_error;
    return host;
  }

 private:
  struct Said {
    std::string text, file;
    int32_t line = 0;
  };
  static Said& last() noexcept {
    static thread_local Said said;
    return said;
  }
};

}  // namespace clb
