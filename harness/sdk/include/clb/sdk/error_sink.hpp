// The host's end of clb_host.set_error: keeps the last text of the calling thread until the failed call is turned into an exception.
#pragma once

#include <clb/host.h>
#include <string.h>

#include <clb/sdk/error.hpp>
#include <string>
#include <utility>

namespace clb {

class ErrorSink {
 public:
  // For clb_host.set_error; `self` is not used.
  static void set_error(void*, clb_status, const char* text, const char* file, int32_t line) noexcept { keep(text, file, line, true); }
  // The same of the host's own functions, which a plugin called and may pass on.
  static void set_error_of_host(void*, clb_status, const char* text, const char* file, int32_t line) noexcept {
    keep(text, file, line, false);
  }

  static void clear() noexcept { last() = Said{}; }

  // The exception for a call on this thread that returned `status`. `otherwise` is its sentence when the plugin gave none.
  static PluginError take(clb_status status, const std::string& otherwise) {
    const Said said = std::exchange(last(), Said{});
    refused().clear();
    if (status > CLB_OK || status < CLB_E_INTERNAL) {
      return PluginError(CLB_E_INTERNAL,
                         otherwise + " with the unknown status " + std::to_string(status) + (said.text.empty() ? "" : ": " + said.text),
                         said.file, said.line);
    }
    return PluginError(status, said.text.empty() ? otherwise + " (" + status_name(status) + ") without a reason" : said.text, said.file,
                       said.line)
        .set_told_by_plugin(said.by_plugin);
  }

  // For a function of the host that has no status to return: the call of the plugin that is under way on this thread fails with this
  // sentence. The first one stays.
  static void refuse(const std::string& why) {
    if (refused().empty()) refused() = why;
  }
  static void throw_if_refused() {
    if (const std::string why = std::exchange(refused(), ""); !why.empty()) throw PluginError(CLB_E_INVALID, why, "", 0);
  }

  // A host that offers a dataset all it may use: set_error, a log that goes nowhere, and refusals.
  static clb_host minimal_host() {
    clb_host host{};
    host.struct_size = sizeof(host);
    host.log = [](void*, int32_t, const char*) {};
    host.set_error = &ErrorSink::set_error;
    host.progress = [](void*, const char*, int64_t, int64_t) -> int32_t { return 0; };
    host.get_extension = [](void*, const char*) -> const void* { return nullptr; };
    host.stream_open = [](void*, const clb_stream_request*, clb_stream**) { return unsupported(); };
    host.stream_info = [](void*, clb_stream*, clb_stream_info*) { return unsupported(); };
    host.stream_next = [](void*, clb_stream*, clb_batch*) { return unsupported(); };
    host.stream_close = [](void*, clb_stream*) {};
    host.metric = [](void*, const char*, int64_t, double) {};
    host.derive_key = [](void*, const char*, const int64_t*, int64_t, uint8_t*) { return unsupported(); };
    return host;
  }

 private:
  static constexpr size_t kLongest = 1 << 14;  // bytes of a sentence

  static clb_status unsupported() {
    set_error(nullptr, CLB_E_UNSUPPORTED, "a dataset may use log and set_error of the host alone", nullptr, 0);
    return CLB_E_UNSUPPORTED;
  }

  static void keep(const char* text, const char* file, int32_t line, bool by_plugin) noexcept try {
    Said& said = last();
    said = Said{};
    said.text = text ? std::string(text, strnlen(text, kLongest)) : "";
    said.file = file ? std::string(file, strnlen(file, kLongest)) : "";
    said.line = line;
    said.by_plugin = by_plugin;
  } catch (...) {
    // Out of memory for a sentence: the status alone has to do.
  }

  struct Said {
    std::string text, file;
    int32_t line = 0;
    bool by_plugin = false;
  };
  static Said& last() noexcept {
    static thread_local Said said;
    return said;
  }
  static std::string& refused() noexcept {
    static thread_local std::string why;
    return why;
  }
};

}  // namespace clb
