// A host for the test of one method: the method's class runs through its real C table, with streams over tensors that the test gives, and
// its trace() tensors come back by name. Include it after the plugin's .cpp.
#pragma once

#include <clb/sdk/error_sink.hpp>
#include <clb/sdk/guard.hpp>
#include <clb/sdk/method.hpp>
#include <map>
#include <string>
#include <vector>

namespace clb::testing {

template <class T>
class MethodBench {
 public:
  // settings: one per parameter that should not have its default.
  explicit MethodBench(std::map<std::string, clb_value> settings = {}) : table_(*MethodTable<T>::get()) {
    fill_host();
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

  // Trains the next task on these samples: features [n, d], labels [n] as positions in the class order. Classes come in ascending order.
  void train(const torch::Tensor& features, const torch::Tensor& labels, int64_t classes_seen) {
    features_ = features;
    labels_ = labels;
    std::vector<int64_t> classes;
    for (int64_t c = classes_seen_; c < classes_seen; ++c) classes.push_back(c);
    classes_seen_ = classes_seen;
    clb_task task{};
    task.struct_size = sizeof task;
    task.index = task_++;
    task.labels = classes.data();
    task.label_count = static_cast<int64_t>(classes.size());
    task.classes_seen = classes_seen;
    task.task_count = task.class_count = -1;
    check([&] { return table_.begin_task(self_, &task); });
    check([&] { return table_.train_task(self_, &task); });
    check([&] { return table_.end_task(self_, &task); });
  }

  torch::Tensor predict(const torch::Tensor& features) {
    clb_batch batch{};
    batch.struct_size = sizeof batch;
    batch.n = features.size(0);
    batch.feature_count = 1;
    batch.features[0] = {sizeof(clb_feature), 0, "main:cls", to_dlpack(features)};
    DLManagedTensorVersioned* logits = nullptr;
    check([&] { return table_.predict(self_, &batch, &logits); });
    return from_dlpack(logits);
  }

  std::string save() {
    std::string bytes;
    const clb_writer writer{sizeof(clb_writer), 0, &bytes, [](void* self, const void* data, uint64_t count) -> clb_status {
                              static_cast<std::string*>(self)->append(static_cast<const char*>(data), count);
                              return CLB_OK;
                            }};
    check([&] { return table_.save(self_, &writer); });
    return bytes;
  }

  // step: the most bytes that one read delivers.
  void load(std::string bytes, uint64_t step) {
    struct Source {
      std::string bytes;
      uint64_t at, step;
    } source{std::move(bytes), 0, step};
    const clb_reader reader{sizeof(clb_reader), 0, &source, [](void* self, void* out, uint64_t count, uint64_t* got) -> clb_status {
                              auto& s = *static_cast<Source*>(self);
                              *got = std::min({count, s.step, s.bytes.size() - s.at});
                              std::memcpy(out, s.bytes.data() + s.at, *got);
                              s.at += *got;
                              return CLB_OK;
                            }};
    check([&] { return table_.load(self_, &reader); });
  }

  std::map<std::string, torch::Tensor> traced;

 private:
  struct OpenStream {
    MethodBench* bench;
    int64_t batch_size, step = 0;
  };
  static MethodBench& of(void* self) { return *static_cast<MethodBench*>(self); }

  template <class Call>
  static void check(Call call) {
    ErrorSink::clear();
    if (const clb_status status = call(); status < 0) throw ErrorSink::take(status, "the call failed");
  }

  void fill_host() {
    host_ = ErrorSink::minimal_host();
    host_.self = this;
    host_.progress = [](void*, const char*, int64_t, int64_t) { return int32_t{0}; };
    host_.metric = [](void*, const char*, int64_t, double) {};
    host_.feature_dim = [](void* self, const char*, int64_t* dim) -> clb_status { return *dim = of(self).features_.size(1), CLB_OK; };
    host_.stream_open = [](void* self, const clb_stream_request* request, clb_stream** stream) -> clb_status {
      *stream = reinterpret_cast<clb_stream*>(new OpenStream{&of(self), request->batch_size});
      return CLB_OK;
    };
    host_.stream_next = [](void*, clb_stream* stream, clb_batch* batch) { return next(*reinterpret_cast<OpenStream*>(stream), *batch); };
    host_.stream_close = [](void*, clb_stream* stream) { delete reinterpret_cast<OpenStream*>(stream); };
    host_.get_extension = [](void* self, const char* id) -> const void* {
      return std::string_view(id) == CLB_EXT_TRACE ? &of(self).trace_ : nullptr;
    };
    trace_ = {sizeof trace_, 0, this,
              [](void* self, const char* name, DLManagedTensorVersioned* tensor) { of(self).traced[name] = from_dlpack(tensor).clone(); }};
  }

  static clb_status next(OpenStream& stream, clb_batch& batch) {
    const auto& bench = *stream.bench;
    const int64_t first = stream.step * stream.batch_size, n = std::min(stream.batch_size, bench.labels_.size(0) - first);
    if (n <= 0) return CLB_END;
    batch.n = n;
    batch.step = stream.step++;
    batch.labels = to_dlpack(bench.labels_.narrow(0, first, n));
    batch.feature_count = 1;
    batch.features[0] = {sizeof(clb_feature), 0, "main:cls", to_dlpack(bench.features_.narrow(0, first, n))};
    return CLB_OK;
  }

  clb_method table_;
  clb_host host_{};
  clb_trace trace_{};
  void* self_ = nullptr;
  torch::Tensor features_, labels_;
  int64_t classes_seen_ = 0, task_ = 0;
};

}  // namespace clb::testing
