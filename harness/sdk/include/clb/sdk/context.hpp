// What a method sees of its session: device, task, streams, features, random numbers, the log.
#pragma once

#include <clb/ext/part_hash.h>
#include <clb/ext/trace.h>
#include <clb/method.h>
#include <clb/metrics.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <array>
#include <clb/sdk/archive.hpp>
#include <clb/sdk/error.hpp>
#include <clb/sdk/tensor.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clb {

// One batch; tensors are owned and may be kept. Undefined: not asked for, or not granted.
class Batch {
 public:
  Batch() = default;
  explicit Batch(const clb_batch& b) : n(b.n), epoch(b.epoch), step(b.step) {  // takes every tensor of `b`
    ReceivedTensor parts[] = {ReceivedTensor(b.images), ReceivedTensor(b.labels), ReceivedTensor(b.sample_ids), ReceivedTensor(b.task_ids)};
    std::vector<ReceivedTensor> values;
    const auto feature = [&](uint32_t k) -> const clb_feature& {
      return *reinterpret_cast<const clb_feature*>(reinterpret_cast<const char*>(b.features) + k * b.feature_stride);
    };
    for (uint32_t k = 0; k < b.feature_count; ++k) values.emplace_back(feature(k).values);
    images = parts[0].take();
    labels = parts[1].take();
    sample_ids = parts[2].take();
    task_ids = parts[3].take();
    for (uint32_t k = 0; k < b.feature_count; ++k) features_.emplace_back(feature(k).kind, values[k].take());
  }

  int64_t n = 0, epoch = 0, step = 0;
  torch::Tensor images;      // [n, 3, H, W]
  torch::Tensor labels;      // [n] int64, positions in the class order
  torch::Tensor sample_ids;  // [n] int64, opaque
  torch::Tensor task_ids;    // [n] int64

  const torch::Tensor& features(std::string_view kind) const {  // [n, d] float32
    for (const auto& [name, values] : features_)
      if (name == kind) return values;
    throw PluginError(CLB_E_INVALID,
                      "the batch holds no features \"" + std::string(kind) + "\"; ask for them in inputs() or on the stream");
  }

 private:
  std::vector<std::pair<std::string, torch::Tensor>> features_;
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
};

// A request for data, built up and then opened with batches(); see stream.h for what each part means. A setter leaves the request that it
// is called on as it is and returns a new one, so that every way to write it does what it says: chained, kept and built upon, or
// `request = std::move(request).images()`.
class StreamRequest {
 public:
  StreamRequest(const clb_host* host, uint32_t sources) : host_(host), sources_(sources) {}

  [[nodiscard]] StreamRequest train_view() const {
    return with([](auto& r) { r.view_ = CLB_VIEW_TRAIN; });
  }
  [[nodiscard]] StreamRequest eval_view() const {
    return with([](auto& r) { r.view_ = CLB_VIEW_EVAL; });
  }
  [[nodiscard]] StreamRequest images() const {
    return with([](auto& r) { r.images_ = true; });
  }
  [[nodiscard]] StreamRequest features(std::string kind) const {
    return with([&](auto& r) { r.kinds_.push_back(std::move(kind)); });
  }
  [[nodiscard]] StreamRequest features(const std::vector<std::string>& kinds) const {
    return with([&](auto& r) { r.kinds_.insert(r.kinds_.end(), kinds.begin(), kinds.end()); });
  }
  [[nodiscard]] StreamRequest shuffled() const {
    return with([](auto& r) { r.shuffle_ = true; });
  }
  [[nodiscard]] StreamRequest drop_last(bool on = true) const {
    return with([&](auto& r) { r.drop_last_ = on; });
  }
  [[nodiscard]] StreamRequest epochs(int64_t n) const {
    return with([&](auto& r) { r.epochs_ = n; });
  }
  // These samples and no others: none at all when the list is empty.
  [[nodiscard]] StreamRequest only(std::vector<int64_t> sample_ids) const {
    return with([&](auto& r) { r.ids_ = std::move(sample_ids); });
  }

  Batches batches(int64_t batch_size) const {
    std::vector<const char*> names;
    for (const auto& kind : kinds_) names.push_back(kind.c_str());
    clb_stream_request request{};
    request.struct_size = sizeof request;
    request.sources = sources_;
    request.view = view_;
    request.want_images = images_;
    request.features = names.data();
    request.feature_count = static_cast<uint32_t>(names.size());
    request.shuffle = shuffle_;
    request.drop_last = drop_last_;
    request.batch_size = batch_size;
    request.epochs = epochs_;
    if (ids_) {
      static constexpr int64_t kNone = 0;  // an empty list has no address of its own, and NULL would mean all samples
      request.sample_ids = ids_->empty() ? &kNone : ids_->data();
      request.sample_id_count = static_cast<int64_t>(ids_->size());
    }
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
  bool images_ = false, shuffle_ = false, drop_last_ = false;
  int64_t epochs_ = 1;
  std::vector<std::string> kinds_;
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

// Lives from create to destroy; all of it belongs to the session's thread.
class Context {
 public:
  explicit Context(const clb_session& session)
      : host_(session.host),
        device_(session.device_type == kDLCUDA ? torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(session.device_index))
                                               : torch::Device(torch::kCPU)),
        precision_(session.precision),
        image_height_(session.image_height),
        image_width_(session.image_width),
        part_hash_(static_cast<const clb_part_hash*>(host_->get_extension(host_->self, CLB_EXT_PART_HASH))),
        trace_(static_cast<const clb_trace*>(host_->get_extension(host_->self, CLB_EXT_TRACE))) {}

  const Task& task() const { return task_; }
  torch::Device device() const { return device_; }
  torch::ScalarType dtype() const {
    return precision_ == CLB_PRECISION_BF16 ? torch::kBFloat16 : torch::kFloat32;
  }  // of images and frozen weights
  int64_t image_height() const { return image_height_; }
  int64_t image_width() const { return image_width_; }

  StreamRequest train() const { return {host_, CLB_SOURCE_TRAIN}; }
  StreamRequest memory() const { return {host_, CLB_SOURCE_MEMORY}; }
  StreamRequest train_and_memory() const { return {host_, CLB_SOURCE_TRAIN | CLB_SOURCE_MEMORY}; }

  // Replaces the exemplar memory by these samples of the task or of the memory as it is, in this order. For methods that claim kRawReplay.
  void set_memory(const std::vector<int64_t>& sample_ids) const {
    check_host(host_->memory_set(host_->self, sample_ids.data(), static_cast<int64_t>(sample_ids.size())));
  }

  int64_t feature_dim(const char* kind = "main:cls") const {
    int64_t dim = 0;
    check_host(host_->feature_dim(host_->self, kind, &dim));
    return dim;
  }
  // A kind of features that extract() derives from a part of the method that is frozen from now on; the host computes each sample's once.
  // content: a hash of that part. To be said again after the state was loaded, for instance in inputs(). register_part (nn.hpp) takes the
  // hash itself, and is to be preferred.
  void register_features(const std::string& kind, int64_t dim, const std::array<uint8_t, 32>& content) const {
    check_host(host_->feature_register(host_->self, kind.c_str(), dim, content.data()));
  }
  // content: what nn::content_hash gives for the part now.
  void register_hashed_part(const std::string& kind, int64_t dim, const std::array<uint8_t, 32>& content) const {
    if (part_hash_ == nullptr) return register_features(kind, dim, content);
    check_host(part_hash_->feature_register(part_hash_->self, kind.c_str(), dim, content.data()));
  }
  clb_weights weights(const char* role = "main") const {
    clb_weights weights{};
    weights.struct_size = sizeof weights;
    check_host(host_->weights_open(host_->self, role, &weights));
    return weights;
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
    if (trace_ != nullptr) trace_->emit(trace_->self, name, to_dlpack(tensor));
  }

  void set_task(const clb_task& t) {
    task_ = {t.index, t.domain, {t.labels, t.labels + t.label_count}, t.classes_seen, t.task_count, t.class_count};
  }
  void archive_task(Archive& a) { task_.state(a); }

 private:
  const clb_host* host_;
  torch::Device device_;
  uint32_t precision_;
  int64_t image_height_, image_width_;
  const clb_part_hash* part_hash_;
  const clb_trace* trace_;
  Task task_;
};

}  // namespace clb
