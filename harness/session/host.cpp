#include <algorithm>
#include <clb/base/sha256.hpp>
#include <clb/sdk/error_sink.hpp>
#include <clb/sdk/guard.hpp>
#include <clb/session/globals.hpp>
#include <clb/session/host.hpp>
#include <clb/session/memory.hpp>
#include <cmath>
#include <cstring>

namespace clb::session {

// The functions behind the table: each unwraps `self` and turns exceptions into a status, whose text stays on this thread for the caller's
// caller.
struct HostCalls {
  static Host& host(void* self) { return *static_cast<Host*>(self); }
  static Session& session(void* self) { return host(self).session_; }

  static const at::ThreadLocalState& surroundings() {  // of the session's thread before a plugin has run on it
    static const at::ThreadLocalState state;
    return state;
  }

  template <class Body>
  static clb_status guarded(Body body) noexcept {
    static const clb_host keeper = ErrorSink::minimal_host();
    const HostScope scope(surroundings());
    return detail::guarded(&keeper, body);
  }

  // A [session] function: refused on any other thread (abi.h, rule 5), and remembered, since the plugin may swallow the status.
  template <class Body>
  static clb_status on_session(void* self, const char* name, Body body) noexcept {
    return guarded([&] {
      if (!session(self).is_own_thread(name))
        throw PluginError(CLB_E_STATE, std::string(name) + " was called on another thread than create; see abi.h, rule 5");
      body();
    });
  }

  static void log(void* self, int32_t level, const char* text) {
    session(self).emitter.emit(base::Log{level == CLB_LOG_WARNING ? "warning" : "info", text});
  }

  static int32_t progress(void* self, const char* what, int64_t done, int64_t total) {
    session(self).progress(what, done, total);
    return cancelled() ? 1 : 0;
  }

  static void metric(void* self, const char* name, int64_t step, double value) {
    Session& s = session(self);
    if (!s.is_own_thread("metric")) return;
    s.metrics.push_back({.name = name, .task = s.task, .step = step, .value = value});
  }

  static clb_status derive_key(void* self, const char* name, const int64_t* indices, int64_t count, uint8_t key[32]) {
    return on_session(self, "derive_key", [&] {
      const auto digest = session(self).keys.for_method().derive(name, std::span(indices, static_cast<size_t>(count)));
      std::memcpy(key, digest.data(), digest.size());
    });
  }

  static clb_status stream_open(void* self, const clb_stream_request* request, clb_stream** stream) {
    return on_session(self, "stream_open", [&] {
      clb_stream_request full{};
      std::memcpy(&full, request, std::min<size_t>(request->struct_size, sizeof full));
      auto& streams = host(self).streams_;
      streams.push_back(std::make_unique<Stream>(session(self), full));
      *stream = reinterpret_cast<clb_stream*>(streams.back().get());
    });
  }

  static clb_status stream_info(void* self, clb_stream* stream, clb_stream_info* info) {
    return on_session(self, "stream_info", [&] { detail::fill_struct(info, reinterpret_cast<Stream*>(stream)->info()); });
  }

  static clb_status stream_next(void* self, clb_stream* stream, clb_batch* batch) {
    bool end = false;
    const clb_status status = on_session(self, "stream_next", [&] {
      auto& from = *reinterpret_cast<Stream*>(stream);
      if (const auto next = from.next())
        next->hand_over(*batch, from.slots());
      else
        end = true;
    });
    return status == CLB_OK && end ? CLB_END : status;
  }

  static void stream_close(void* self, clb_stream* stream) {
    if (!session(self).is_own_thread("stream_close")) return;  // it is closed when the call of the plugin ends
    std::erase_if(host(self).streams_, [&](const auto& open) { return reinterpret_cast<clb_stream*>(open.get()) == stream; });
  }

  static clb_status memory_set(void* self, const int64_t* sample_ids, int64_t count) {
    return on_session(self, "memory_set", [&] { set_memory(session(self), std::span(sample_ids, static_cast<size_t>(count))); });
  }

  static clb_status feature_register(void* self, const char* kind, int64_t dim, const uint8_t content_hash[32]) {
    return on_session(self, "feature_register", [&] { session(self).features.declare(kind, dim, base::hex(std::span(content_hash, 32))); });
  }

  static clb_status part_register(void* self, const char* kind, int64_t dim, const uint8_t content_hash[32]) {
    return on_session(self, "part_register", [&] {
      session(self).features.declare(kind, dim, base::hex(std::span(content_hash, 32)), Features::Content::kHashed);
    });
  }

  static clb_status feature_dim(void* self, const char* kind, int64_t* dim) {
    return on_session(self, "feature_dim", [&] { *dim = session(self).features.dim(kind); });
  }

  static clb_status weights_open(void* self, const char* role, clb_weights* weights) {
    return on_session(self, "weights_open", [&] {
      Globals::expect_unchanged_in_call();  // random weights are drawn now
      Backbone& backbone = session(self).backbone(role);
      auto& [sha256, options] = host(self).told_[role];  // the caller's own
      sha256 = backbone.spec().sha256;
      options = backbone.options();
      const auto bytes = backbone.bytes();
      const clb_weights full{.struct_size = 0,
                             .reserved = 0,
                             .bytes = bytes.data(),
                             .size = bytes.size(),
                             .sha256 = sha256.c_str(),
                             .options = options.c_str()};
      detail::fill_struct(weights, full);
    });
  }

  static const void* get_extension(void* self, const char* id) {
    return std::string_view(id) == CLB_EXT_PART_HASH ? &host(self).part_hash_ : nullptr;
  }
};

Host::Host(Session& session) : session_(session) {
  HostCalls::surroundings();
  part_hash_ = {sizeof part_hash_, 0, this, HostCalls::part_register};
  table_.struct_size = sizeof table_;
  table_.self = this;
  table_.log = HostCalls::log;
  table_.set_error = ErrorSink::set_error;
  table_.progress = HostCalls::progress;
  table_.metric = HostCalls::metric;
  table_.derive_key = HostCalls::derive_key;
  table_.stream_open = HostCalls::stream_open;
  table_.stream_info = HostCalls::stream_info;
  table_.stream_next = HostCalls::stream_next;
  table_.stream_close = HostCalls::stream_close;
  table_.memory_set = HostCalls::memory_set;
  table_.feature_register = HostCalls::feature_register;
  table_.feature_dim = HostCalls::feature_dim;
  table_.weights_open = HostCalls::weights_open;
  table_.get_extension = HostCalls::get_extension;
}

void Host::close_streams() { streams_.clear(); }

}  // namespace clb::session
