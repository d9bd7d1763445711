// A host for the test of one method: the method's class runs through its real C table, with streams over tensors that the test gives, and
// its trace() tensors come back by name. Include it after the plugin's .cpp.
#pragma once

#include <clb/base/sha256.hpp>
#include <clb/nn/image_size.hpp>
#include <clb/nn/weights.hpp>
#include <clb/sdk/error_sink.hpp>
#include <clb/sdk/guard.hpp>
#include <clb/sdk/method.hpp>
#include <deque>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "support/archive_bytes.hpp"

namespace clb::testing {

// Samples of a task or a batch of a test; what a method does not ask for may be left out. Both views give the same images, and "shuffled"
// streams keep this order: the reference's batches can be repeated.
struct Samples {
  torch::Tensor features = {};    // [n, d]
  torch::Tensor images = {};      // [n, 3, H, W]
  torch::Tensor labels = {};      // [n], positions in the class order
  const char* kind = "main:cls";  // of the features
  torch::Tensor ids = {};         // [n], given by the bench: a running number over all tasks
  torch::Tensor tasks = {};       // [n], of a question whose protocol tells them

  int64_t count() const { return (images.defined() ? images : features).size(0); }
  Samples rows(const torch::Tensor& of) const {
    return {rows_of(features, of), rows_of(images, of), rows_of(labels, of), kind, rows_of(ids, of), rows_of(tasks, of)};
  }
  Samples with(const Samples& more) const {
    return {both(features, more.features), both(images, more.images), both(labels, more.labels), kind,
            both(ids, more.ids),           both(tasks, more.tasks)};
  }

 private:
  static torch::Tensor rows_of(const torch::Tensor& t, const torch::Tensor& rows) { return t.defined() ? t.index_select(0, rows) : t; }
  static torch::Tensor both(const torch::Tensor& t, const torch::Tensor& more) {
    return t.defined() && more.defined() ? at::cat({t, more}) : t.defined() ? t : more;
  }
};

struct BenchWeights {
  nn::TensorMap tensors = {};  // timm's names, or those of a CLIP
  int64_t heads = 0;
  const char* format = "timm_vit";
  int64_t text_heads = 0;
  nn::ImageSize image = 0;  // of the images to come; 0: what the weights were made for
};

// What a method with a text tower is told, and data beside the stream. Classes are called "class 0", "class 1", ...
struct BenchText {
  std::vector<std::string> templates = {"a photo of a {}."};
  int64_t width = 0;  // of the host's features, while there are no samples yet
  std::function<torch::Tensor(const std::string& sentence, const std::vector<int64_t>& classes)> class_rows = {};
  std::function<torch::Tensor(const std::vector<std::string>&sentences)> tokens = {}, rows = {};
  std::map<std::string, torch::Tensor> images = {};  // of assets that are data sets, [n, 3, H, W], in this order also where shuffled
  std::vector<std::string> captions = {};            // of any other asset
};

using Settings = std::map<std::string, clb_value>;
inline clb_value value(bool b) { return {CLB_TYPE_BOOL, 0, {.i = b}}; }
inline clb_value value(int64_t i) { return {CLB_TYPE_INT, 0, {.i = i}}; }
inline clb_value value(double f) { return {CLB_TYPE_FLOAT, 0, {.f = f}}; }
inline clb_value choice(const char* s) { return {CLB_TYPE_CHOICE, 0, {.s = s}}; }
inline clb_value text(const char* s) { return {CLB_TYPE_STRING, 0, {.s = s}}; }
// A list must live as long as its value.
inline clb_value list(const std::vector<int64_t>& of) { return {CLB_TYPE_INT_LIST, static_cast<uint32_t>(of.size()), {.ints = of.data()}}; }
inline clb_value list(const std::vector<double>& of) {
  return {CLB_TYPE_FLOAT_LIST, static_cast<uint32_t>(of.size()), {.floats = of.data()}};
}

inline Settings with(Settings settings, const Settings& changes) {
  for (const auto& [name, v] : changes) settings[name] = v;
  return settings;
}

template <class T>
class MethodBench {
 public:
  // settings: one per parameter that should not have its default.
  // further: weights of roles beside main, which see the same images.
  explicit MethodBench(const Settings& settings = {}, const BenchWeights& weights = {}, BenchText text = {},
                       const std::map<std::string, BenchWeights>& further = {})
      : table_(*MethodTable<T>::get()), text_(std::move(text)) {
    add_weights("main", weights);
    for (const auto& [role, more] : further) add_weights(role, more);
    for (const std::string& sentence : text_.templates) templates_.push_back(sentence.c_str());
    fill_host();
    fill_text();
    std::vector<clb_setting> all;
    for (uint32_t k = 0; k < table_.param_count; ++k) {
      const auto found = settings.find(table_.params[k].name);
      all.push_back(
          {sizeof(clb_setting), 0, table_.params[k].name, found == settings.end() ? table_.params[k].default_value : found->second});
    }
    clb_session session{};
    session.struct_size = sizeof session;
    session.precision = CLB_PRECISION_FP32;
    session.host = &host_;
    session.settings = all.data();
    session.setting_count = static_cast<uint32_t>(all.size());
    session.setting_stride = sizeof(clb_setting);
    session.device_type = kDLCPU;
    check([&] { return table_.create(&session, &self_); });
  }
  ~MethodBench() { table_.destroy(self_); }
  MethodBench(const MethodBench&) = delete;

  // Trains the next task on these samples. Classes come in ascending order; `labels` names those of the task where they are not simply
  // the ones that are new.
  void train(const Samples& samples, int64_t classes_seen, std::vector<int64_t> labels = {}) {
    samples_ = samples;
    const int64_t n = samples.labels.size(0);
    samples_.ids = torch::arange(samples_seen_, samples_seen_ + n);
    samples_seen_ += n;
    if (labels.empty()) {
      for (int64_t c = classes_seen_; c < classes_seen; ++c) labels.push_back(c);
    }
    classes_seen_ = classes_seen;
    clb_task task{};
    task.struct_size = sizeof task;
    task.index = task_++;
    task.labels = labels.data();
    task.label_count = static_cast<int64_t>(labels.size());
    task.classes_seen = classes_seen;
    task.task_count = task.class_count = -1;
    metrics.clear();
    check([&] { return table_.begin_task(self_, &task); });
    check([&] { return table_.train_task(self_, &task); });
    check([&] { return table_.end_task(self_, &task); });
  }

  torch::Tensor predict(const Samples& samples) {
    const std::vector<std::string> wanted = wanted_parts();
    const std::vector<clb_part>& parts = share(samples, wanted);
    std::vector<int64_t> columns(static_cast<size_t>(classes_seen_));
    std::iota(columns.begin(), columns.end(), 0);
    if (!columns_.empty()) columns = columns_;
    clb_question question{};
    question.struct_size = sizeof question;
    question.part_count = static_cast<uint32_t>(parts.size());
    question.parts = parts.data();
    question.part_stride = sizeof(clb_part);
    question.n = samples.count();
    question.columns = columns.data();
    question.column_count = static_cast<int64_t>(columns.size());
    DLManagedTensorVersioned* logits = nullptr;
    check([&] { return table_.predict(self_, &question, &logits); });
    return from_dlpack(logits);
  }

  std::string save() {
    return written([&](const clb_writer& writer) { check([&] { return table_.save(self_, &writer); }); });
  }

  // step: the most bytes that one read delivers. classes_seen: those of the state, which a host knows from its protocol; what predict asks
  // for.
  void load(const std::string& bytes, uint64_t step, int64_t classes_seen) {
    read(bytes, step, [&](const clb_reader& reader) { check([&] { return table_.load(self_, &reader); }); });
    classes_seen_ = classes_seen;
  }

  int64_t classes_seen() const { return classes_seen_; }

  // Of classes to come as well, for methods that can name them.
  torch::Tensor predict(const Samples& samples, std::vector<int64_t> columns) {
    std::swap(columns, columns_);
    const torch::Tensor logits = predict(samples);
    columns_.clear();
    return logits;
  }

  std::map<std::string, std::pair<int64_t, std::string>> registered;       // features of the method's own: columns and content
  int64_t extractions = 0;                                                 // images for which it was asked for one
  Samples memory;                                                          // the exemplars
  std::map<std::string, torch::Tensor> traced;                             // the last tensor of each name
  std::map<std::string, std::vector<torch::Tensor>> history;               // all of them
  bool repeats = false;                                                    // the streams say that a sample's images stay the same
  int64_t most_batches = -1;                                               // a stream of the task ends after so many; -1: at its end
  std::map<std::string, std::vector<std::pair<int64_t, double>>> metrics;  // (step, value) of the last task

 private:
  struct OpenStream {
    Samples samples;
    clb_stream_request request;
    std::vector<std::string> parts;
    int64_t step = 0;  // of the next batch, over all epochs

    int64_t count() const { return samples.count(); }
    bool endless() const { return request.epochs == 0; }
    int64_t per_epoch() const {
      return request.drop_last ? count() / request.batch_size : (count() + request.batch_size - 1) / request.batch_size;
    }
  };
  static MethodBench& of(void* self) { return *static_cast<MethodBench*>(self); }

  template <class Call>
  static void check(Call call) {
    ErrorSink::clear();
    if (const clb_status status = call(); status < 0) throw ErrorSink::take(status, "the call failed");
  }

  void add_weights(const std::string& role, const BenchWeights& weights) {
    const std::string height = std::to_string(weights.image.height), width = std::to_string(weights.image.width);
    const std::string options = R"({"image_size":[)" + height + "," + width + R"(],"pos_antialias":true,"format":")" +
                                std::string(weights.format) + R"(","heads":)" + std::to_string(weights.heads) + R"(,"text_heads":)" +
                                std::to_string(weights.text_heads) + "}";
    weights_[role] = {nn::write_safetensors(weights.tensors), options};
  }

  void fill_host() {
    host_ = ErrorSink::minimal_host();
    host_.self = this;
    host_.progress = [](void*, const char*, int64_t, int64_t) { return int32_t{0}; };
    host_.metric = [](void* self, const char* name, int64_t step, double value) { of(self).metrics[name].emplace_back(step, value); };
    features_ = {sizeof features_, 0, this, nullptr, nullptr};
    features_.declare = [](void* self, const char* kind, int64_t dim, const uint8_t content[32]) -> clb_status {
      const auto [at, is_new] = of(self).registered.try_emplace(kind, dim, std::string(content, content + 32));
      return is_new || at->second == std::pair{dim, std::string(content, content + 32)} ? CLB_OK : CLB_E_INVALID;
    };
    features_.dim = [](void* self, const char* kind, int64_t* dim) -> clb_status {
      const auto found = of(self).registered.find(kind);
      const torch::Tensor& given = of(self).samples_.features;
      *dim = found != of(self).registered.end() ? found->second.first : given.defined() ? given.size(1) : of(self).text_.width;
      return CLB_OK;
    };
    host_.derive_key = [](void*, const char* name, const int64_t* indices, int64_t count, uint8_t key[32]) -> clb_status {
      base::Sha256 hash;
      hash.update(name);
      for (int64_t k = 0; k < count; ++k) hash.update_u64(static_cast<uint64_t>(indices[k]));
      const base::Digest digest = hash.finish();
      std::memcpy(key, digest.data(), digest.size());
      return CLB_OK;
    };
    memory_ = {sizeof memory_, 0, this, nullptr};
    memory_.set = [](void* self, const int64_t* ids, int64_t count) -> clb_status {
      MethodBench& bench = of(self);
      const Samples among = bench.samples_.with(bench.memory);
      std::vector<int64_t> rows;
      for (int64_t k = 0; k < count; ++k) rows.push_back((among.ids == ids[k]).nonzero().item<int64_t>());  // one row has this id
      bench.memory = among.rows(torch::tensor(rows, torch::kInt64));
      return CLB_OK;
    };
    source_ = {sizeof source_, 0, this, nullptr};
    source_.open = [](void* self, const char* role, clb_weights* weights) -> clb_status {
      const auto& [bytes, options] = of(self).weights_.at(role);
      weights->bytes = bytes.data();
      weights->size = bytes.size();
      weights->options = options.c_str();
      return CLB_OK;
    };
    host_.stream_open = [](void* self, const clb_stream_request* request, clb_stream** stream) -> clb_status {
      MethodBench& bench = of(self);
      Samples source = request->sources & CLB_SOURCE_TRAIN ? bench.samples_ : Samples{};
      if (request->sources & CLB_SOURCE_AUX) source = bench.beside(request->aux);
      if (request->sources & CLB_SOURCE_MEMORY) source = source.with(bench.memory);
      *stream = reinterpret_cast<clb_stream*>(new OpenStream{source, *request, {request->parts, request->parts + request->part_count}});
      return CLB_OK;
    };
    host_.stream_info = [](void* self, clb_stream* stream, clb_stream_info* info) -> clb_status {
      info->flags = of(self).repeats ? CLB_STREAM_REPEATS : 0;
      const auto& s = *reinterpret_cast<OpenStream*>(stream);
      info->samples = s.count();
      info->batches_per_epoch = s.per_epoch();
      info->batches = s.endless() ? INT64_MAX : s.per_epoch() * s.request.epochs;
      info->dropped = s.request.drop_last ? s.count() % s.request.batch_size : 0;
      return CLB_OK;
    };
    host_.stream_next = [](void* self, clb_stream* stream, clb_batch* batch) {
      return of(self).next(*reinterpret_cast<OpenStream*>(stream), *batch);
    };
    host_.stream_close = [](void*, clb_stream* stream) { delete reinterpret_cast<OpenStream*>(stream); };
    host_.get_extension = [](void* self, const char* id) -> const void* {
      const std::string_view name = id;
      if (name == CLB_EXT_TRACE) return &of(self).trace_;
      if (name == CLB_EXT_FEATURES) return &of(self).features_;
      if (name == CLB_EXT_MEMORY) return &of(self).memory_;
      if (name == CLB_EXT_ASSETS) return &of(self).assets_;
      if (name == CLB_EXT_TEXT) return &of(self).text_table_;
      if (name == CLB_EXT_TEXT_FEATURES) return &of(self).text_features_;
      return name == CLB_EXT_WEIGHTS ? &of(self).source_ : nullptr;
    };
    trace_ = {sizeof trace_, 0, this, [](void* self, const char* name, DLManagedTensorVersioned* tensor) {
                of(self).history[name].push_back(of(self).traced[name] = from_dlpack(tensor).clone());
              }};
  }

  void fill_text() {
    for (const std::string& line : text_.captions) captions_ += line + "\n";
    assets_ = {sizeof assets_, 0, this, [](void* self, const char*, clb_asset* asset) -> clb_status {
                 asset->bytes = of(self).captions_.data();
                 asset->size = of(self).captions_.size();
                 return CLB_OK;
               }};
    text_table_ = {sizeof text_table_, 0, this, nullptr, nullptr};
    text_table_.class_name = [](void* self, int64_t position, const char** name) -> clb_status {
      *name = of(self).names_.emplace_back("class " + std::to_string(position)).c_str();
      return CLB_OK;
    };
    text_table_.templates = [](void* self, const char* const** templates, int64_t* count) -> clb_status {
      *templates = of(self).templates_.data();
      *count = static_cast<int64_t>(of(self).templates_.size());
      return CLB_OK;
    };
    text_features_ = {sizeof text_features_, 0, this, nullptr, nullptr, nullptr};
    text_features_.tokens = [](void* self, const char*, const clb_sentences* sentences, DLManagedTensorVersioned** ids) -> clb_status {
      *ids = to_dlpack(of(self).text_.tokens({sentences->texts, sentences->texts + sentences->count}));
      return CLB_OK;
    };
    text_features_.rows = [](void* self, const char*, const clb_sentences* sentences, DLManagedTensorVersioned** rows) -> clb_status {
      *rows = to_dlpack(of(self).text_.rows({sentences->texts, sentences->texts + sentences->count}));
      return CLB_OK;
    };
    text_features_.class_rows = [](void* self, const char*, const char* sentence, const int64_t* positions, int64_t count,
                                   DLManagedTensorVersioned** rows) -> clb_status {
      *rows = to_dlpack(of(self).text_.class_rows(sentence, {positions, positions + count}));
      return CLB_OK;
    };
  }

  // The samples of an asset: images, or captions as bytes.
  Samples beside(const std::string& asset) const {
    if (const auto found = text_.images.find(asset); found != text_.images.end()) return {.images = found->second};
    size_t longest = 1;
    for (const std::string& line : text_.captions) longest = std::max(longest, line.size());
    auto bytes = torch::zeros({static_cast<int64_t>(text_.captions.size()), static_cast<int64_t>(longest)}, torch::kUInt8);
    for (size_t k = 0; k < text_.captions.size(); ++k)
      std::memcpy(bytes[static_cast<int64_t>(k)].mutable_data_ptr<uint8_t>(), text_.captions[k].data(), text_.captions[k].size());
    return {.features = bytes, .kind = CLB_PART_CAPTIONS};
  }

  clb_status next(OpenStream& stream, clb_batch& batch) {
    const int64_t at = stream.per_epoch() == 0 ? 0 : stream.step % stream.per_epoch();
    const int64_t epoch = stream.per_epoch() == 0 ? stream.request.epochs : stream.step / stream.per_epoch();
    if (epoch == stream.request.epochs && !stream.endless()) return CLB_END;
    if (stream.step == most_batches && (stream.request.sources & CLB_SOURCE_TRAIN) != 0) return CLB_END;
    const int64_t first = at * stream.request.batch_size, n = std::min(stream.request.batch_size, stream.count() - first);
    const auto part = [&](const torch::Tensor& t) { return t.defined() ? t.narrow(0, first, n) : t; };
    const Samples& all = stream.samples;
    const auto& parts =
        share({part(all.features), part(all.images), part(all.labels), all.kind, part(all.ids), part(all.tasks)}, stream.parts);
    batch.part_count = static_cast<uint32_t>(parts.size());
    batch.parts = parts.data();
    batch.part_stride = sizeof(clb_part);
    batch.n = n;
    batch.epoch = epoch;
    batch.step = stream.step++;
    return CLB_OK;
  }

  // What is not among the samples and not registered is left out.
  const std::vector<clb_part>& share(const Samples& samples, const std::vector<std::string>& names) {
    parts_.clear();
    const auto add = [&](const char* name, const torch::Tensor& tensor) {
      if (tensor.defined()) parts_.push_back({sizeof(clb_part), 0, name, to_dlpack(tensor)});
    };
    for (const std::string& name : names) {
      if (const auto found = registered.find(name); found != registered.end()) {
        parts_.push_back({sizeof(clb_part), 0, found->first.c_str(), extracted(name, samples.images)});
      } else if (name == CLB_PART_IMAGES || name.starts_with(CLB_PART_IMAGES ":")) {
        add(name.c_str(), samples.images);
      } else if (name == CLB_PART_LABELS) {
        add(CLB_PART_LABELS, samples.labels);
      } else if (name == CLB_PART_SAMPLE_IDS) {
        add(CLB_PART_SAMPLE_IDS, samples.ids);
      } else if (name == CLB_PART_TASK_IDS) {
        add(CLB_PART_TASK_IDS, samples.tasks);
      } else if (name == samples.kind) {
        add(samples.kind, samples.features);
      }
    }
    return parts_;
  }

  DLManagedTensorVersioned* extracted(const std::string& kind, const torch::Tensor& images) {
    const clb_part part{sizeof(clb_part), 0, CLB_PART_IMAGES, to_dlpack(images)};
    const clb_batch batch{sizeof(clb_batch), 1, &part, sizeof(clb_part), images.size(0), 0, 0};
    const auto* extractor = static_cast<const clb_extractor*>(table_.get_extension(self_, CLB_EXT_FEATURES));
    DLManagedTensorVersioned* values = nullptr;
    check([&] { return extractor->extract(self_, kind.c_str(), &batch, &values); });
    extractions += batch.n;
    return values;
  }

  std::vector<std::string> wanted_parts() {
    clb_inputs inputs{};
    inputs.struct_size = sizeof inputs;
    check([&] { return table_.inputs(self_, &inputs); });
    return {inputs.parts, inputs.parts + inputs.part_count};
  }

  clb_method table_;
  clb_host host_{};
  clb_trace trace_{};
  clb_features features_{};
  clb_memory memory_{};
  clb_weights_source source_{};
  clb_assets assets_{};
  clb_text text_table_{};
  clb_text_features text_features_{};
  BenchText text_;
  std::vector<const char*> templates_;
  std::deque<std::string> names_;
  std::string captions_;          // as a file
  std::vector<int64_t> columns_;  // that the next question asks for; empty: the classes seen
  void* self_ = nullptr;
  std::map<std::string, std::pair<std::string, std::string>> weights_;  // of each role the file and its options
  std::vector<clb_part> parts_;                                         // of the batch handed over last
  Samples samples_;
  int64_t classes_seen_ = 0, task_ = 0, samples_seen_ = 0;
};

}  // namespace clb::testing
