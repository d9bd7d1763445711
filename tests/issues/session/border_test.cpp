// What a plugin hands over or asks for may be absurd. Negative strides ended the process, an odd status had no name, NULL crashed.
#include <gtest/gtest.h>

#include <clb/metrics.h>

#include <clb/sdk/context.hpp>
#include <clb/sdk/error_sink.hpp>
#include <clb/session/learner.hpp>
#include <clb/session/metrics.hpp>
#include <functional>
#include <limits>

#include "session/made_session.hpp"
#include "support/errors.hpp"

namespace clb::testing {
namespace {

// Logits [2, 4] of zeros as a plugin would make them; the deleter counts.
struct Made {
  DLManagedTensorVersioned managed{};
  std::vector<int64_t> shape{2, 4}, strides{4, 1};
  std::vector<float> values = std::vector<float>(8);
  int* freed;

  static DLManagedTensorVersioned* make(int* freed, const std::function<void(Made&)>& spoil) {
    auto* made = new Made{.freed = freed};
    made->managed.version = {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
    made->managed.manager_ctx = made;
    made->managed.deleter = [](DLManagedTensorVersioned* self) {
      auto* gone = static_cast<Made*>(self->manager_ctx);
      ++*gone->freed;
      delete gone;
    };
    made->managed.dl_tensor = {made->values.data(), {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, made->shape.data(), made->strides.data(), 0};
    spoil(*made);
    return &made->managed;
  }
};

TEST(Border, ATensorThatCannotBeIsASentenceAndFreedOnce) {
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  const std::vector<std::pair<const char*, std::function<void(Made&)>>> cases{
      {"negative stride -4", [](Made& m) { m.strides[0] = -4; }},
      {"negative side -2", [](Made& m) { m.shape[0] = -2; }},
      {"larger than memory",
       [](Made& m) {
         m.shape = {kHuge, kHuge};
       }},
      {"larger than memory", [](Made& m) { m.strides[0] = kHuge; }},
      {"larger than memory",
       [](Made& m) {
         m.shape[0] = int64_t{1} << 50;
         m.strides = {0, 0};
       }},
      {"has -1 sides", [](Made& m) { m.managed.dl_tensor.ndim = -1; }},
      {"has 2147483647 sides", [](Made& m) { m.managed.dl_tensor.ndim = std::numeric_limits<int32_t>::max(); }},
      {"no shape", [](Made& m) { m.managed.dl_tensor.shape = nullptr; }},
      {"no memory", [](Made& m) { m.managed.dl_tensor.data = nullptr; }},
      {"byte offset", [](Made& m) { m.managed.dl_tensor.byte_offset = std::numeric_limits<uint64_t>::max(); }},
      {"not aligned", [](Made& m) { m.managed.dl_tensor.byte_offset = 1; }},
      {"device 0 of DLPack type 77", [](Made& m) { m.managed.dl_tensor.device.device_type = static_cast<DLDeviceType>(77); }},
      {"device -1", [](Made& m) { m.managed.dl_tensor.device.device_id = -1; }},
      {"4 lanes", [](Made& m) { m.managed.dl_tensor.dtype.lanes = 4; }},
      {"with 7 bits", [](Made& m) { m.managed.dl_tensor.dtype.bits = 7; }},
      {"type code 99", [](Made& m) { m.managed.dl_tensor.dtype.code = 99; }},
      {"DLPack version 0", [](Made& m) { m.managed.version.major = 0; }},
  };
  for (const auto& [words, spoil] : cases) {
    int freed = 0;
    const std::string said = error_of<PluginError>([&] { from_dlpack(Made::make(&freed, spoil)); });
    EXPECT_TRUE(contains(said, words)) << words << ": " << said;
    EXPECT_EQ(freed, 1) << words;
  }
}

TEST(Border, ADeleterThatThrowsEndsNothing) {
  int freed = 0;
  auto* made = Made::make(&freed, [](Made& m) { m.managed.deleter = [](DLManagedTensorVersioned*) { throw 7; }; });
  auto* owner = static_cast<Made*>(made->manager_ctx);
  EXPECT_NO_THROW(from_dlpack(made));
  delete owner;
}

TEST(Border, AnEmptyTensorNeedsNoMemory) {
  int freed = 0;
  EXPECT_EQ(from_dlpack(Made::make(&freed,
                                   [](Made& m) {
                                     m.shape[0] = 0;
                                     m.managed.dl_tensor.data = nullptr;
                                   }))
                .numel(),
            0);
  EXPECT_EQ(freed, 1);
}

template <class Table>
const Table& extension(const clb_host& host, const char* id) {
  return *static_cast<const Table*>(host.get_extension(host.self, id));
}

class Plugin : public MadeSession {
 protected:
  static inline std::function<clb_status(DLManagedTensorVersioned**)> predicts;
  static inline std::function<void(const clb_host&)> trains;

  static clb_method table() {
    static const clb_host* host = nullptr;
    static int object = 0;
    clb_method m{};
    m.struct_size = sizeof m;
    m.create = [](const clb_session* session, void** self) -> clb_status {
      host = session->host;
      *self = &object;
      return CLB_OK;
    };
    m.destroy = [](void*) { throw 7; };
    m.begin_task = m.end_task = [](void*, const clb_task*) -> clb_status { return CLB_OK; };
    m.train_task = [](void*, const clb_task*) -> clb_status {
      trains(*host);
      return CLB_OK;
    };
    m.inputs = [](void*, clb_inputs*) -> clb_status { return CLB_OK; };
    m.predict = [](void*, const clb_question*, DLManagedTensorVersioned** logits) { return predicts(logits); };
    return m;
  }

  Plugin() {
    spec_.method.params = base::Json::object();
    session_ = open(-1);
    learner_ = std::make_unique<session::Learner>(*session_, table());
    learner_->create();
  }
  std::string predict(std::function<clb_status(DLManagedTensorVersioned**)> how) {
    predicts = std::move(how);
    return said_by<PluginError>([&] { learner_->method().predict({.n = 2}, {}); });
  }
  std::string learn(std::function<void(const clb_host&)> how) {
    trains = std::move(how);
    return said_by<PluginError>([&] { learner_->learn(0); });
  }

  std::unique_ptr<session::Session> session_;
  std::unique_ptr<session::Learner> learner_;
};

TEST_F(Plugin, AnUnknownStatusIsSaid) {
  EXPECT_EQ(predict([](auto) -> clb_status { return 77; }), "predict failed with the unknown status 77");
  EXPECT_EQ(predict([](auto) -> clb_status { return -9; }), "predict failed with the unknown status -9");
  EXPECT_EQ(predict([](auto) -> clb_status { return CLB_END; }), "predict failed with the unknown status 1");
  EXPECT_TRUE(contains(predict([](auto) -> clb_status { return CLB_E_NUMERIC; }), "predict failed (numeric)"));
}

TEST_F(Plugin, MetricsOfTheHostAreTheHosts) {
  for (const char* name : {CLB_HOST_METRICS, "acc.last.sample", "time.total", "peak_rss_bytes.train_task"}) {
    const std::string said = learn([&](const clb_host& host) { host.metric(host.self, name, 0, 1); });
    EXPECT_TRUE(contains(said, "\"" + std::string(name) + "\" is measured by the host")) << said;
  }
  for (const char* name : {CLB_METRIC_LOSS, CLB_METRIC_UPDATES, "alignment/loss", "state_bytes_of_mine", "Größe"})
    EXPECT_EQ(learn([&](const clb_host& host) { host.metric(host.self, name, 0, 1); }), "") << name;
  EXPECT_EQ(session_->metrics.size(), 5u);
}

TEST_F(Plugin, MetricsWithoutAProperNameAreRefused) {
  const std::string endless(1 << 20, 'x');
  for (const char* name : {static_cast<const char*>(nullptr), "", endless.c_str(), "a\nb", "\xff", "\u202e", "a\"b"})
    EXPECT_NE(learn([&](const clb_host& host) { host.metric(host.self, name, 0, 1); }), "");
  EXPECT_TRUE(session_->metrics.empty());
}

TEST_F(Plugin, MoreMetricsThanTheCapAreCountedAndLeftOut) {
  const std::string said = learn([](const clb_host& host) {
    for (int64_t i = 0; i < CLB_METRICS_PER_TASK + 7; ++i) host.metric(host.self, "mine", i, 1);
    host.metric(host.self, CLB_METRIC_UPDATES, 0, 5);
  });
  EXPECT_EQ(said, "");
  EXPECT_EQ(session_->metrics_left_out, 7);
  const auto kept = session::take_metrics(*session_);
  EXPECT_EQ(kept.size(), size_t{CLB_METRICS_PER_TASK} + 1);
  EXPECT_EQ(kept.back().name, CLB_METRIC_UPDATES);
  EXPECT_EQ(session_->metrics_left_out, 0);
}

TEST_F(Plugin, AbsurdRequestsAreRefused) {
  const std::string said = learn([&](const clb_host& h) {
    uint8_t key[32];
    int64_t number = 0;
    const std::string endless(1 << 20, 'x');
    EXPECT_EQ(h.derive_key(h.self, nullptr, nullptr, 0, key), CLB_E_INVALID);
    EXPECT_EQ(h.derive_key(h.self, "a", nullptr, 1, key), CLB_E_INVALID);
    EXPECT_EQ(h.derive_key(h.self, "a", &number, -1, key), CLB_E_INVALID);
    EXPECT_EQ(h.derive_key(h.self, "a", &number, std::numeric_limits<int64_t>::max(), key), CLB_E_INVALID);
    EXPECT_EQ(h.derive_key(h.self, "a", &number, 1, nullptr), CLB_E_INVALID);
    const auto& memory = extension<clb_memory>(h, CLB_EXT_MEMORY);
    EXPECT_LT(memory.set(memory.self, nullptr, 5), 0);
    EXPECT_LT(memory.set(memory.self, &number, -5), 0);
    const auto& features = extension<clb_features>(h, CLB_EXT_FEATURES);
    EXPECT_EQ(features.declare(features.self, nullptr, 4, key), CLB_E_INVALID);
    EXPECT_EQ(features.declare(features.self, "mine", 4, nullptr), CLB_E_INVALID);
    EXPECT_EQ(features.declare(features.self, "mine", std::numeric_limits<int64_t>::max(), key), CLB_E_INVALID);
    EXPECT_EQ(features.declare(features.self, endless.c_str(), 4, key), CLB_E_INVALID);
    EXPECT_EQ(features.dim(features.self, nullptr, &number), CLB_E_INVALID);
    EXPECT_EQ(features.dim(features.self, "main:cls", nullptr), CLB_E_INVALID);
    const auto& weights = extension<clb_weights_source>(h, CLB_EXT_WEIGHTS);
    EXPECT_EQ(weights.open(weights.self, nullptr, nullptr), CLB_E_INVALID);
    EXPECT_EQ(features.declare(features.self, "labels", 4, key), CLB_E_INVALID) << "a part of the host's own";

    clb_stream* stream = nullptr;
    clb_stream_request r = request(4);
    EXPECT_EQ(h.stream_open(h.self, nullptr, &stream), CLB_E_INVALID);
    EXPECT_EQ(h.stream_open(h.self, &r, nullptr), CLB_E_INVALID);
    const auto refused = [&](const std::function<void(clb_stream_request&)>& change) {
      clb_stream_request spoilt = request(4);
      change(spoilt);
      EXPECT_EQ(h.stream_open(h.self, &spoilt, &stream), CLB_E_INVALID);
    };
    refused([](auto& s) { s.struct_size = 0; });
    refused([](auto& s) { s.epochs = std::numeric_limits<int64_t>::max(); });
    refused([](auto& s) { s.batch_size = std::numeric_limits<int64_t>::min(); });
    refused([](auto& s) {
      s.view = CLB_VIEW_EVAL;
      s.parts = nullptr;
      s.part_count = 3;
    });
    refused([](auto& s) {
      s.view = CLB_VIEW_EVAL;
      s.part_count = std::numeric_limits<uint32_t>::max();
    });
    const char* const none[] = {nullptr};
    refused([&](auto& s) {
      s.view = CLB_VIEW_EVAL;
      s.parts = none;
      s.part_count = 1;
    });

    r.batch_size = std::numeric_limits<int64_t>::max();
    ask(r, kNumbers);
    ASSERT_EQ(h.stream_open(h.self, &r, &stream), CLB_OK);
    clb_stream_info info{};
    info.struct_size = sizeof info;
    EXPECT_EQ(h.stream_info(h.self, stream, nullptr), CLB_E_INVALID);
    ASSERT_EQ(h.stream_info(h.self, stream, &info), CLB_OK);
    EXPECT_EQ(info.batches, 1);
    EXPECT_EQ(h.stream_next(h.self, stream, nullptr), CLB_E_INVALID);
    h.stream_close(h.self, stream);
    h.stream_close(h.self, stream);
    EXPECT_EQ(h.stream_info(h.self, stream, &info), CLB_E_STATE);
    clb_batch batch{};
    batch.struct_size = sizeof batch;
    EXPECT_EQ(h.stream_next(h.self, stream, &batch), CLB_E_STATE);
    EXPECT_EQ(h.stream_next(h.self, reinterpret_cast<clb_stream*>(&number), &batch), CLB_E_STATE);
    h.log(h.self, 99, nullptr);
    h.log(h.self, CLB_LOG_WARNING, endless.c_str());
    h.progress(h.self, nullptr, -1, std::numeric_limits<int64_t>::min());
    h.set_error(h.self, 0, nullptr, nullptr, -1);
  });
  EXPECT_EQ(said, "");
}

TEST_F(Plugin, PartsThatTheReceiverCannotSeeAreNotMade) {
  const std::string said = learn([&](const clb_host& h) {
    clb_stream* stream = nullptr;
    const clb_stream_request r = request(4);
    ASSERT_EQ(h.stream_open(h.self, &r, &stream), CLB_OK);
    for (const uint32_t size : {uint32_t{0}, uint32_t{8}, static_cast<uint32_t>(offsetof(clb_batch, part_stride))}) {
      clb_batch batch{};
      batch.struct_size = size;
      EXPECT_EQ(h.stream_next(h.self, stream, &batch), CLB_OK);
      EXPECT_EQ(batch.part_count, 0u);
    }
  });
  EXPECT_EQ(said, "");
}

TEST(Border, ADatasetMayCallEveryFunctionOfItsHost) {
  const clb_host h = ErrorSink::minimal_host();
  clb_stream* stream = nullptr;
  EXPECT_EQ(h.progress(h.self, "x", 0, 0), 0);
  h.metric(h.self, "x", 0, 0);
  EXPECT_EQ(h.stream_open(h.self, nullptr, &stream), CLB_E_UNSUPPORTED);
  EXPECT_EQ(h.get_extension(h.self, "x"), nullptr);
}

}  // namespace
}  // namespace clb::testing
