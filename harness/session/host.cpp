#include <string.h>

#include <algorithm>
#include <clb/base/sha256.hpp>
#include <clb/loader/globals.hpp>
#include <clb/sdk/error_sink.hpp>
#include <clb/sdk/guard.hpp>
#include <clb/sdk/nn_error.hpp>
#include <clb/sdk/tensor.hpp>
#include <clb/session/aux_batches.hpp>
#include <clb/session/host.hpp>
#include <clb/session/host_scope.hpp>
#include <clb/session/memory.hpp>
#include <clb/session/metrics.hpp>
#include <clb/session/text.hpp>
#include <cmath>
#include <cstring>

namespace clb::session {
namespace {

constexpr size_t kLongestName = 256, kLongestLine = 1 << 16;
constexpr int64_t kLongestArray = int64_t{1} << 40, kMostColumns = int64_t{1} << 24;

}  // namespace

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
    static const clb_host keeper = [] {
      clb_host host = ErrorSink::minimal_host();
      host.set_error = &ErrorSink::set_error_of_host;
      return host;
    }();
    const HostScope scope(surroundings());
    return detail::guarded(&keeper, [&] { with_statuses(body); });
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

  static void require(bool held, const char* sentence) {
    if (!held) throw PluginError(CLB_E_INVALID, sentence, "", 0);
  }
  // A text or an array of a plugin, of which nothing is known but that it ought to end.
  static std::string bounded(const char* text, size_t most) { return text != nullptr ? std::string(text, strnlen(text, most)) : ""; }
  static std::string name_of(const char* name, const char* of_what) {
    const std::string text = bounded(name, kLongestName + 1);
    if (text.empty() || text.size() > kLongestName)
      throw PluginError(CLB_E_INVALID, std::string(of_what) + " must have 1 to " + std::to_string(kLongestName) + " bytes", "", 0);
    return text;
  }
  template <class T>
  static std::span<const T> array(const T* items, int64_t count) {
    require(count >= 0 && count <= kLongestArray && (items != nullptr || count == 0),
            "an array has a negative length, or NULL stands in its place");
    return {items, static_cast<size_t>(count)};
  }
  // A handle is what stream_open gave and stream_close has not had.
  static BatchSource& stream_of(void* self, clb_stream* stream) {
    for (const auto& open : host(self).streams_)
      if (reinterpret_cast<clb_stream*>(open.get()) == stream) return *open;
    throw PluginError(CLB_E_STATE, "the stream is not open", "", 0);
  }
  // For functions without a status: what is wrong fails the call of the plugin that is under way.
  template <class Body>
  static void refusing(Body body) noexcept try {
    body();
  } catch (const std::exception& error) {
    ErrorSink::refuse(error.what());
  } catch (...) {
    ErrorSink::refuse("an exception of an unknown type");
  }

  static void log(void* self, int32_t level, const char* text) {
    refusing([&] { session(self).emitter.emit(base::Log{level == CLB_LOG_WARNING ? "warning" : "info", bounded(text, kLongestLine)}); });
  }

  static int32_t progress(void* self, const char* what, int64_t done, int64_t total) {
    refusing([&] { session(self).progress(bounded(what, kLongestName), std::max<int64_t>(0, done), std::max<int64_t>(0, total)); });
    return cancelled() ? 1 : 0;
  }

  static void metric(void* self, const char* name, int64_t step, double value) {
    refusing([&] {
      if (session(self).is_own_thread("metric")) record_metric(session(self), name, step, value);
    });
  }

  static clb_status derive_key(void* self, const char* name, const int64_t* indices, int64_t count, uint8_t key[32]) {
    return on_session(self, "derive_key", [&] {
      require(name != nullptr && key != nullptr, "derive_key got NULL for the name or for the key");
      const auto digest = session(self).keys.for_method().derive(name, array(indices, count));
      std::memcpy(key, digest.data(), digest.size());
    });
  }

  static clb_status stream_open(void* self, const clb_stream_request* request, clb_stream** stream) {
    return on_session(self, "stream_open", [&] {
      require(request != nullptr && stream != nullptr, "stream_open got NULL for the request or for the stream");
      const clb_stream_request full = detail::read_struct(request);
      auto& streams = host(self).streams_;
      if ((full.sources & CLB_SOURCE_AUX) != 0)
        streams.push_back(open_aux_batches(session(self), full, host(self).assets_of_run_));
      else
        streams.push_back(std::make_unique<TaskBatches>(session(self), full));
      *stream = reinterpret_cast<clb_stream*>(streams.back().get());
    });
  }

  static clb_status stream_info(void* self, clb_stream* stream, clb_stream_info* info) {
    return on_session(self, "stream_info", [&] {
      require(info != nullptr, "stream_info got NULL for the answer");
      detail::fill_struct(info, stream_of(self, stream).info());
    });
  }

  static clb_status stream_next(void* self, clb_stream* stream, clb_batch* batch) {
    bool end = false;
    const clb_status status = on_session(self, "stream_next", [&] {
      require(batch != nullptr, "stream_next got NULL for the batch");
      end = !stream_of(self, stream).hand_over(*batch);
    });
    return status == CLB_OK && end ? CLB_END : status;
  }

  static void stream_close(void* self, clb_stream* stream) {
    if (!session(self).is_own_thread("stream_close")) return;  // it is closed when the call of the plugin ends
    std::erase_if(host(self).streams_, [&](const auto& open) { return reinterpret_cast<clb_stream*>(open.get()) == stream; });
  }

  static clb_status memory_set(void* self, const int64_t* sample_ids, int64_t count) {
    return on_session(self, "memory.set", [&] { set_memory(session(self), array(sample_ids, count)); });
  }

  static void declare(void* self, const char* kind, int64_t dim, const uint8_t content_hash[32], Features::Content content) {
    require(content_hash != nullptr, "features.declare got NULL for the content hash");
    require(dim <= kMostColumns, "a feature kind may have 16777216 columns at most");
    const std::string name = name_of(kind, "the name of a feature kind");
    if (is_reserved_part(name)) throw PluginError(CLB_E_INVALID, "\"" + name + "\" is a part of the host's own (clb/batch.h)", "", 0);
    session(self).features.declare(name, dim, base::hex(std::span(content_hash, 32)), content);
  }

  static clb_status feature_declare(void* self, const char* kind, int64_t dim, const uint8_t content_hash[32]) {
    return on_session(self, "features.declare", [&] { declare(self, kind, dim, content_hash, Features::Content::kTold); });
  }

  static clb_status part_register(void* self, const char* kind, int64_t dim, const uint8_t content_hash[32]) {
    return on_session(self, "part_register", [&] { declare(self, kind, dim, content_hash, Features::Content::kHashed); });
  }

  static clb_status feature_dim(void* self, const char* kind, int64_t* dim) {
    return on_session(self, "features.dim", [&] {
      require(dim != nullptr, "features.dim got NULL for the answer");
      *dim = session(self).features.dim(name_of(kind, "the name of a feature kind"));
    });
  }

  static clb_status weights_open(void* self, const char* role, clb_weights* weights) {
    return on_session(self, "weights.open", [&] {
      require(weights != nullptr, "weights.open got NULL for the answer");
      loader::Globals::expect_unchanged_in_call();  // random weights are drawn now
      const std::string name = name_of(role, "the role of weights");
      features::Backbone& backbone = session(self).backbones.at(name);
      auto& [sha256, options] = host(self).told_[name];  // the caller's own
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

  static clb_status asset_open(void* self, const char* name, clb_asset* asset) {
    return on_session(self, "assets.open", [&] {
      require(asset != nullptr, "assets.open got NULL for the answer");
      const auto& file = host(self).assets_of_run_.at(name_of(name, "the name of an asset"));
      const auto bytes = file.bytes();
      const clb_asset full{.struct_size = 0, .reserved = 0, .bytes = bytes.data(), .size = bytes.size(), .sha256 = file.sha256().c_str()};
      detail::fill_struct(asset, full);
    });
  }

  static clb_status class_name(void* self, int64_t position, const char** name) {
    return on_session(self, "text.class_name", [&] {
      require(name != nullptr, "text.class_name got NULL for the answer");
      *name = name_of_class(session(self), position);
    });
  }

  static clb_status templates(void* self, const char* const** sentences, int64_t* count) {
    return on_session(self, "text.templates", [&] {
      require(sentences != nullptr && count != nullptr, "text.templates got NULL for the answer");
      *sentences = host(self).templates_.data();
      *count = static_cast<int64_t>(host(self).templates_.size());
    });
  }

  // A tensor of the host's for its caller.
  template <class Make>
  static clb_status text_tensor(void* self, const char* name, const char* role, DLManagedTensorVersioned** to, Make make) {
    return on_session(self, name, [&] {
      require(to != nullptr, "a function of text_features got NULL for the answer");
      *to = to_dlpack(make(name_of(role, "the role of weights")));
    });
  }
  static clb_sentences sentences_of(const clb_sentences* sentences) {
    require(sentences != nullptr, "a function of text_features got NULL for the sentences");
    return detail::read_struct(sentences);
  }

  static clb_status text_tokens(void* self, const char* role, const clb_sentences* sentences, DLManagedTensorVersioned** ids) {
    return text_tensor(self, "text_features.tokens", role, ids,
                       [&](const std::string& of) { return token_rows(session(self), of, sentences_of(sentences)); });
  }

  static clb_status text_rows(void* self, const char* role, const clb_sentences* sentences, DLManagedTensorVersioned** rows) {
    return text_tensor(self, "text_features.rows", role, rows,
                       [&](const std::string& of) { return sentence_rows(session(self), of, sentences_of(sentences)); });
  }

  static clb_status text_class_rows(void* self, const char* role, const char* sentence, const int64_t* positions, int64_t count,
                                    DLManagedTensorVersioned** rows) {
    return text_tensor(self, "text_features.class_rows", role, rows, [&](const std::string& of) {
      return class_rows(session(self), of, bounded(sentence, kLongestLine), array(positions, count));
    });
  }

  static const void* get_extension(void* self, const char* id) {
    const std::string name = bounded(id, kLongestName);
    const Host& of = host(self);
    if (name == CLB_EXT_MEMORY) return &of.memory_;
    if (name == CLB_EXT_FEATURES) return &of.features_;
    if (name == CLB_EXT_PART_HASH) return &of.part_hash_;
    if (name == CLB_EXT_WEIGHTS) return &of.weights_;
    if (name == CLB_EXT_ASSETS) return &of.assets_;
    if (name == CLB_EXT_TEXT && !of.templates_.empty()) return &of.text_;
    if (name == CLB_EXT_TEXT_FEATURES && !of.templates_.empty()) return &of.text_features_;
    return nullptr;
  }
};

Host::Host(Session& session) : session_(session), assets_of_run_(session.spec) {
  HostCalls::surroundings();
  memory_ = {sizeof memory_, 0, this, HostCalls::memory_set};
  features_ = {sizeof features_, 0, this, HostCalls::feature_dim, HostCalls::feature_declare};
  part_hash_ = {sizeof part_hash_, 0, this, HostCalls::part_register};
  weights_ = {sizeof weights_, 0, this, HostCalls::weights_open};
  assets_ = {sizeof assets_, 0, this, HostCalls::asset_open};
  text_ = {sizeof text_, 0, this, HostCalls::class_name, HostCalls::templates};
  text_features_ = {sizeof text_features_, 0, this, HostCalls::text_tokens, HostCalls::text_rows, HostCalls::text_class_rows};
  for (const std::string& sentence : session.spec.text.templates) templates_.push_back(sentence.c_str());
  table_.struct_size = sizeof table_;
  table_.self = this;
  table_.log = HostCalls::log;
  table_.set_error = ErrorSink::set_error;
  table_.progress = HostCalls::progress;
  table_.get_extension = HostCalls::get_extension;
  table_.stream_open = HostCalls::stream_open;
  table_.stream_info = HostCalls::stream_info;
  table_.stream_next = HostCalls::stream_next;
  table_.stream_close = HostCalls::stream_close;
  table_.metric = HostCalls::metric;
  table_.derive_key = HostCalls::derive_key;
}

void Host::close_streams() { streams_.clear(); }

}  // namespace clb::session
