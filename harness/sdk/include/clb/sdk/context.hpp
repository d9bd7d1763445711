// What a method sees of its session: device, task, streams, features, random numbers, the log.
#pragma once

#include <clb/ext/assets.h>
#include <clb/ext/features.h>
#include <clb/ext/memory.h>
#include <clb/ext/part_hash.h>
#include <clb/ext/text.h>
#include <clb/ext/text_features.h>
#include <clb/ext/trace.h>
#include <clb/ext/weights.h>
#include <clb/method.h>
#include <clb/metrics.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <array>
#include <clb/sdk/archive.hpp>
#include <clb/sdk/error.hpp>
#include <clb/sdk/guard.hpp>
#include <clb/sdk/tensor.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clb {

// One batch, or the samples of a question; tensors are owned and may be kept. Undefined: not asked for, or not granted.
class Batch {
 public:
  Batch() = default;
  explicit Batch(const clb_batch& b) {  // takes every tensor of `b`
    const clb_batch full = detail::read_struct(&b);
    n = full.n;
    epoch = full.epoch;
    step = full.step;
    take(full.parts, full.part_count, full.part_stride);
  }
  explicit Batch(const clb_question& q) {
    const clb_question full = detail::read_struct(&q);
    n = full.n;
    step = full.step;
    columns.assign(full.columns, full.columns + full.column_count);
    take(full.parts, full.part_count, full.part_stride);
  }

  int64_t n = 0, epoch = 0, step = 0;
  bool repeats = false;          // a sample's images are the same in every epoch of this stream
  torch::Tensor images;          // [n, 3, H, W]
  torch::Tensor labels;          // [n] int64, positions in the class order
  torch::Tensor sample_ids;      // [n] int64, opaque
  torch::Tensor task_ids;        // [n] int64
  std::vector<int64_t> columns;  // of a question: positions in the class order that are to be told apart, ascending

  // Any part that was asked for, by its name of clb/batch.h: "images:clip", "main:cls", "aux:captions".
  const torch::Tensor& part(std::string_view name) const {
    for (const auto& [own, tensor] : parts_)
      if (name == own) return tensor;
    throw PluginError(CLB_E_INVALID, "the batch holds no \"" + std::string(name) + "\"; ask for it in inputs() or on the stream");
  }
  const torch::Tensor& features(std::string_view kind) const { return part(kind); }  // [n, d] float32

 private:
  void take(const clb_part* array, uint32_t count, uint64_t stride) {
    std::vector<ReceivedTensor> received;  // all of them, before one turns out to be bad
    received.reserve(count);
    parts_.reserve(count);
    const auto at = [&](uint32_t k) {
      return *reinterpret_cast<const clb_part*>(reinterpret_cast<const char*>(array) + size_t{k} * stride);
    };
    for (uint32_t k = 0; k < count; ++k) received.emplace_back(at(k).tensor);
    for (uint32_t k = 0; k < count; ++k) {
      const auto& [name, tensor] = parts_.emplace_back(at(k).name, received[k].take());
      if (name == CLB_PART_IMAGES) images = tensor;
      if (name == CLB_PART_LABELS) labels = tensor;
      if (name == CLB_PART_SAMPLE_IDS) sample_ids = tensor;
      if (name == CLB_PART_TASK_IDS) task_ids = tensor;
    }
  }

  std::vector<std::pair<std::string, torch::Tensor>> parts_;
};

struct Task {
  int64_t index = -1, domain = 0;
  std::vector<int64_t> labels;                // classes of this task, as positions in the class order
  int64_t classes_seen = 0;                   // after this task
  int64_t task_count = -1, class_count = -1;  // of the whole stream; -1: hidden by the protocol

  void state(Archive& a) {
    a("task.index", index)("task.domain", domain)("task.labels", labels)("task.classes_seen", classes_seen);
    a("task.task_count", task_count)("task.class_count", class_count);
  }
};

// Fails the call with the words that the host kept when its function failed: no text of ours (guard.hpp).
inline void check_host(clb_status status) {
  if (status < 0) throw PluginError(status, "", "", 0);
}

// An open stream as a range of batches, read once.
class Batches {
 public:
  Batches(const clb_host* host, clb_stream* stream) : host_(host), stream_(stream) {}
  ~Batches() { host_->stream_close(host_->self, stream_); }
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;

  clb_stream_info info() const {
    clb_stream_info info{};
    info.struct_size = sizeof info;
    check_host(host_->stream_info(host_->self, stream_, &info));
    return info;
  }
  bool next(Batch& batch) {
    clb_batch raw{};
    raw.struct_size = sizeof raw;
    const clb_status status = host_->stream_next(host_->self, stream_, &raw);
    check_host(status);
    if (status == CLB_END) return false;
    batch = Batch(raw);
    if (!repeats_) repeats_ = (info().flags & CLB_STREAM_REPEATS) != 0;
    batch.repeats = *repeats_;
    return true;
  }

  class Iterator {
   public:
    explicit Iterator(Batches* batches) : batches_(batches) { ++*this; }
    const Batch& operator*() const { return batch_; }
    Iterator& operator++() {
      if (!batches_->next(batch_)) batches_ = nullptr;
      return *this;
    }
    bool operator!=(std::nullptr_t) const { return batches_ != nullptr; }

   private:
    Batches* batches_;
    Batch batch_;
  };
  Iterator begin() { return Iterator(this); }
  std::nullptr_t end() const { return nullptr; }

 private:
  const clb_host* host_;
  clb_stream* stream_;
  std::optional<bool> repeats_;  // nothing: not asked yet
};

// A request for data, built up and then opened with batches(); see stream.h for what each part means. A setter leaves the request that it
// is called on as it is and returns a new one, so that every way to write it does what it says: chained, kept and built upon, or
// `request = std::move(request).images()`.
class StreamRequest {
 public:
  StreamRequest(const clb_host* host, uint32_t sources) : host_(host), sources_(sources), parts_{CLB_PART_LABELS} {}
  StreamRequest(const clb_host* host, std::string aux) : host_(host), sources_(CLB_SOURCE_AUX), aux_(std::move(aux)) {}

  [[nodiscard]] StreamRequest train_view() const {
    return with([](auto& r) { r.view_ = CLB_VIEW_TRAIN; });
  }
  [[nodiscard]] StreamRequest eval_view() const {
    return with([](auto& r) { r.view_ = CLB_VIEW_EVAL; });
  }
  // Any part by its name of clb/batch.h; labels come without being asked for, but from a stream of auxiliary data.
  [[nodiscard]] StreamRequest part(const std::string& name) const {
    return with([&](auto& r) {
      if (std::find(r.parts_.begin(), r.parts_.end(), name) == r.parts_.end()) r.parts_.push_back(name);
    });
  }
  [[nodiscard]] StreamRequest images() const { return part(CLB_PART_IMAGES); }
  [[nodiscard]] StreamRequest sample_ids() const { return part(CLB_PART_SAMPLE_IDS); }
  [[nodiscard]] StreamRequest task_ids() const { return part(CLB_PART_TASK_IDS); }
  [[nodiscard]] StreamRequest features(const std::string& kind) const { return part(kind); }
  [[nodiscard]] StreamRequest features(const std::vector<std::string>& kinds) const {
    StreamRequest request = *this;
    for (const auto& kind : kinds) request = request.part(kind);
    return request;
  }
  [[nodiscard]] StreamRequest shuffled() const {
    return with([](auto& r) { r.shuffle_ = true; });
  }
  [[nodiscard]] StreamRequest drop_last(bool on = true) const {
    return with([&](auto& r) { r.drop_last_ = on; });
  }
  [[nodiscard]] StreamRequest epochs(int64_t n) const {  // 0, of auxiliary data alone: endless
    return with([&](auto& r) { r.epochs_ = n; });
  }
  // These samples and no others: none at all when the list is empty.
  [[nodiscard]] StreamRequest only(std::vector<int64_t> sample_ids) const {
    return with([&](auto& r) { r.ids_ = std::move(sample_ids); });
  }

  Batches batches(int64_t batch_size) const {
    std::vector<const char*> names;
    for (const auto& part : parts_) names.push_back(part.c_str());
    clb_stream_request request{};
    request.struct_size = sizeof request;
    request.sources = sources_;
    request.view = view_;
    request.parts = names.data();
    request.part_count = static_cast<uint32_t>(names.size());
    request.shuffle = shuffle_;
    request.drop_last = drop_last_;
    request.batch_size = batch_size;
    request.epochs = epochs_;
    if (ids_) {
      static constexpr int64_t kNone = 0;  // an empty list has no address of its own, and NULL would mean all samples
      request.sample_ids = ids_->empty() ? &kNone : ids_->data();
      request.sample_id_count = static_cast<int64_t>(ids_->size());
    }
    if (!aux_.empty()) request.aux = aux_.c_str();
    clb_stream* stream = nullptr;
    check_host(host_->stream_open(host_->self, &request, &stream));
    return {host_, stream};
  }

 private:
  template <class Change>
  StreamRequest with(Change change) const {
    StreamRequest changed = *this;
    change(changed);
    return changed;
  }

  const clb_host* host_;
  uint32_t sources_, view_ = CLB_VIEW_EVAL;
  bool shuffle_ = false, drop_last_ = false;
  int64_t epochs_ = 1;
  std::vector<std::string> parts_;
  std::string aux_;                          // which auxiliary data
  std::optional<std::vector<int64_t>> ids_;  // nothing: all samples
};

// Random numbers that depend on the run's seed, a name and indices alone: one generator on the CPU, or one for each further name, so that
// every tensor of a module starts from its own (it converts to nn::Rng).
class NamedRng {
 public:
  NamedRng(const clb_host* host, std::string name, std::vector<int64_t> indices)
      : host_(host), name_(std::move(name)), indices_(std::move(indices)) {}

  operator torch::Generator() const { return generator(name_); }  // NOLINT: it stands for its generator
  torch::Generator operator()(const std::string& further) const { return generator(name_ + "/" + further); }

 private:
  torch::Generator generator(const std::string& name) const {
    uint8_t key[32];
    check_host(host_->derive_key(host_->self, name.c_str(), indices_.data(), static_cast<int64_t>(indices_.size()), key));
    uint64_t seed;
    std::memcpy(&seed, key, sizeof seed);
    return torch::make_generator<at::CPUGeneratorImpl>(seed);
  }

  const clb_host* host_;
  std::string name_;
  std::vector<int64_t> indices_;
};

// A table of an extension: what the host's reaches, zeros behind.
template <class Table>
class Extension {
 public:
  Extension(const clb_host* host, const char* id) : id_(id) {
    if (const void* table = host->get_extension(host->self, id)) table_ = detail::read_struct(static_cast<const Table*>(table));
  }
  explicit operator bool() const { return table_.struct_size != 0; }
  // Calls a function of the table, whose failure keeps the host's words. PluginError CLB_E_UNSUPPORTED when this host does not have it.
  template <class... Args, class... Given>
  void call(clb_status (*Table::*function)(void*, Args...), Given... given) const {
    if (!(table_.*function)) throw PluginError(CLB_E_UNSUPPORTED, std::string("this host does not offer ") + id_, "", 0);
    check_host((table_.*function)(table_.self, given...));
  }
  const Table& table() const { return table_; }

 private:
  const char* id_;
  Table table_{};
};

// Lives from create to destroy; all of it belongs to the session's thread.
class Context {
 public:
  explicit Context(const clb_session& session)  // as the SDK has read it: a full struct
      : host_(session.host),
        device_(session.device_type == kDLCUDA ? torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(session.device_index))
                                               : torch::Device(torch::kCPU)),
        precision_(session.precision),
        image_height_(session.image_height),
        image_width_(session.image_width),
        memory_(host_, CLB_EXT_MEMORY),
        features_(host_, CLB_EXT_FEATURES),
        part_hash_(host_, CLB_EXT_PART_HASH),
        weights_(host_, CLB_EXT_WEIGHTS),
        assets_(host_, CLB_EXT_ASSETS),
        text_(host_, CLB_EXT_TEXT),
        text_features_(host_, CLB_EXT_TEXT_FEATURES),
        trace_(host_, CLB_EXT_TRACE) {}

  const Task& task() const { return task_; }
  torch::Device device() const { return device_; }
  // Of images, and so of everything that is computed from them; of frozen weights.
  torch::ScalarType dtype() const { return precision_ == CLB_PRECISION_BF16 ? torch::kBFloat16 : torch::kFloat32; }
  torch::ScalarType weights_dtype() const { return precision_ == CLB_PRECISION_BF16_WEIGHTS ? torch::kBFloat16 : dtype(); }
  int64_t image_height() const { return image_height_; }
  int64_t image_width() const { return image_width_; }

  StreamRequest train() const { return {host_, CLB_SOURCE_TRAIN}; }
  StreamRequest memory() const { return {host_, CLB_SOURCE_MEMORY}; }
  StreamRequest train_and_memory() const { return {host_, CLB_SOURCE_TRAIN | CLB_SOURCE_MEMORY}; }
  // The training images of a data set that is an asset, unlabelled: ask for images() or part("images:clip"). Endless with epochs(0).
  StreamRequest aux(const std::string& asset) const { return {host_, asset}; }
  // The lines of an asset, unlabelled: batch.part("aux:captions") is [n, longest] uint8, UTF-8 filled up with zeros. Endless with
  // epochs(0).
  StreamRequest captions(const std::string& asset) const { return StreamRequest(host_, asset).part(CLB_PART_CAPTIONS); }

  // Replaces the exemplar memory by these samples of the task or of the memory as it is, in this order. For methods that claim kRawReplay.
  void set_memory(const std::vector<int64_t>& sample_ids) const {
    memory_.call(&clb_memory::set, sample_ids.data(), static_cast<int64_t>(sample_ids.size()));
  }
  void set_memory(const torch::Tensor& sample_ids) const {  // [n] int64
    const torch::Tensor ids = sample_ids.to(torch::kCPU, torch::kInt64).contiguous();
    memory_.call(&clb_memory::set, ids.const_data_ptr<int64_t>(), ids.numel());
  }

  int64_t feature_dim(const char* kind = "main:cls") const {
    int64_t dim = 0;
    features_.call(&clb_features::dim, kind, &dim);
    return dim;
  }
  // A kind of features that extract() derives from a part of the method that is frozen from now on; the host computes each sample's once.
  // content: a hash of that part. To be said again after the state was loaded, for instance in inputs(). register_part (nn.hpp) takes the
  // hash itself, and is to be preferred.
  void register_features(const std::string& kind, int64_t dim, const std::array<uint8_t, 32>& content) const {
    features_.call(&clb_features::declare, kind.c_str(), dim, content.data());
  }
  // content: what nn::content_hash gives for the part now.
  void register_hashed_part(const std::string& kind, int64_t dim, const std::array<uint8_t, 32>& content) const {
    if (!part_hash_) return register_features(kind, dim, content);
    part_hash_.call(&clb_part_hash::declare, kind.c_str(), dim, content.data());
  }
  clb_weights weights(const char* role = "main") const {
    clb_weights weights{};
    weights.struct_size = sizeof weights;
    weights_.call(&clb_weights_source::open, role, &weights);
    return weights;
  }

  // A file that the experiment names under [assets.NAME] and the class under `assets`; its bytes live as long as the session.
  std::string_view asset(const char* name) const {
    clb_asset asset{};
    asset.struct_size = sizeof asset;
    assets_.call(&clb_assets::open, name, &asset);
    return {static_cast<const char*>(asset.bytes), asset.size};
  }
  // The class at this position of the class order as people name it, and sentences with "{}" where the name belongs (ext/text.h).
  std::string class_name(int64_t position) const {
    const char* name = nullptr;
    text_.call(&clb_text::class_name, position, &name);
    return name;
  }
  std::vector<std::string> templates() const {
    const char* const* sentences = nullptr;
    int64_t count = 0;
    text_.call(&clb_text::templates, &sentences, &count);
    return {sentences, sentences + count};
  }
  // Sentences as the text tower of a role reads them, [n, context] int64, and what it makes of them while it is frozen, [n, width] float32,
  // not normalised: once for all runs (ext/text_features.h; sdk/text.hpp puts templates and names of classes together). Too many tokens are
  // an error, or cut.
  enum class TooLong { kError, kCut };
  torch::Tensor tokens(const std::vector<std::string>& sentences, const char* role, TooLong too_long = TooLong::kError) const {
    return of_sentences(&clb_text_features::tokens, sentences, role, too_long);
  }
  torch::Tensor text_rows(const std::vector<std::string>& sentences, const char* role, TooLong too_long = TooLong::kError) const {
    return of_sentences(&clb_text_features::rows, sentences, role, too_long);
  }
  // [n, width] of the template with the names of these classes, positions in the class order.
  torch::Tensor class_text_rows(const std::string& sentence, const std::vector<int64_t>& classes, const char* role) const {
    DLManagedTensorVersioned* rows = nullptr;
    text_features_.call(&clb_text_features::class_rows, role, sentence.c_str(), classes.data(), static_cast<int64_t>(classes.size()),
                        &rows);
    return from_dlpack(rows);
  }

  NamedRng rng(const char* name, std::initializer_list<int64_t> indices = {}) const { return {host_, name, indices}; }

  void log(const std::string& text) const { host_->log(host_->self, CLB_LOG_INFO, text.c_str()); }
  void warn(const std::string& text) const { host_->log(host_->self, CLB_LOG_WARNING, text.c_str()); }
  void metric(const char* name, int64_t step, double value) const { host_->metric(host_->self, name, step, value); }
  void progress(const char* what, int64_t done, int64_t total) const {
    if (host_->progress(host_->self, what, done, total) != 0) throw PluginError(CLB_E_CANCELLED, "cancelled");
  }

  // Hands an intermediate tensor to whoever listens (tests); free otherwise.
  void trace(const char* name, const torch::Tensor& tensor) const {
    if (trace_) trace_.table().emit(trace_.table().self, name, to_dlpack(tensor));
  }
  // Several; those that are undefined are left out.
  void trace(std::initializer_list<std::pair<const char*, torch::Tensor>> tensors) const {
    for (const auto& [name, tensor] : tensors)
      if (tensor.defined()) trace(name, tensor);
  }

  void set_task(const clb_task& raw) {
    const clb_task t = detail::read_struct(&raw);
    task_ = {t.index, t.domain, {t.labels, t.labels + t.label_count}, t.classes_seen, t.task_count, t.class_count};
  }
  void archive_task(Archive& a) { task_.state(a); }

 private:
  torch::Tensor of_sentences(clb_status (*clb_text_features::*function)(void*, const char*, const clb_sentences*,
                                                                        DLManagedTensorVersioned**),
                             const std::vector<std::string>& sentences, const char* role, TooLong too_long) const {
    std::vector<const char*> texts;
    for (const std::string& sentence : sentences) texts.push_back(sentence.c_str());
    const clb_sentences all{sizeof all, too_long == TooLong::kCut ? CLB_TEXT_CUT : 0, texts.data(), static_cast<int64_t>(texts.size())};
    DLManagedTensorVersioned* rows = nullptr;
    text_features_.call(function, role, &all, &rows);
    return from_dlpack(rows);
  }

  const clb_host* host_;
  torch::Device device_;
  uint32_t precision_;
  int64_t image_height_, image_width_;
  Extension<clb_memory> memory_;
  Extension<clb_features> features_;
  Extension<clb_part_hash> part_hash_;
  Extension<clb_weights_source> weights_;
  Extension<clb_assets> assets_;
  Extension<clb_text> text_;
  Extension<clb_text_features> text_features_;
  Extension<clb_trace> trace_;
  Task task_;
};

}  // namespace clb
