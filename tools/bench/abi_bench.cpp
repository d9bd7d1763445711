// Cost of the ABI on a feature stream: stream_next through the host's C table plus predict of a method that does nothing, per batch of 64 x
// 192 cached features. The features are of a random network on a dataset that is there; a warm-up pass extracts them.
//
//   abi_bench DATASET.so DATASET_ROOT CACHE_DIR
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <clb/sdk/method.hpp>
#include <clb/session/describe.hpp>
#include <clb/session/host.hpp>
#include <clb/session/method_handle.hpp>
#include <cstdio>

namespace {

using namespace clb;

class Empty final : public Method {
 public:
  static constexpr About about{.id = "empty", .version = "1.0.0", .paper = "does nothing", .capabilities = 0};
  Inputs inputs() const override { return Inputs::features("main:cls"); }
  void train_task() override {}
  torch::Tensor predict(const Batch& b) override {
    return logits_.defined() && logits_.size(0) == b.n ? logits_ : logits_ = torch::zeros({b.n, 10});
  }
  void state(Archive&) override {}

 private:
  torch::Tensor logits_;
};

base::RunSpec spec_of(const base::DatasetInfo& dataset, const std::string& cache) {
  base::RunSpec spec;
  spec.dataset.file = dataset.file;
  spec.dataset.root = dataset.root;
  spec.dataset.fingerprint = dataset.fingerprint;
  spec.dataset.class_count = dataset.class_count;
  spec.dataset.train_per_class = 640;
  spec.weights.push_back(
      {.role = "main", .file = "", .sha256 = "abi_bench", .random = {.image = 32, .patch = 16, .dim = 192, .depth = 1, .heads = 3}});
  for (int64_t c = 0; c < dataset.class_count; ++c) spec.protocol.class_order.push_back(c);
  spec.protocol.task_sizes = {dataset.class_count};
  spec.protocol.eval_transform.resize = 32;
  spec.threads = 1;
  spec.execution.cache_dir = cache;
  return spec;
}

double microseconds_per_batch(session::Session& s, session::Host& host, session::MethodHandle& method) {
  const clb_host* table = host.table();
  const char* const parts[] = {CLB_PART_LABELS, "main:cls"};
  clb_stream_request request{};
  request.struct_size = sizeof request;
  request.sources = CLB_SOURCE_TRAIN;
  request.view = CLB_VIEW_EVAL;
  request.parts = parts;
  request.part_count = 2;
  request.batch_size = 64;
  request.epochs = 20;
  clb_stream* stream = nullptr;
  if (table->stream_open(table->self, &request, &stream) != CLB_OK) throw ErrorSink::take(CLB_E_INTERNAL, "stream_open failed");
  int64_t batches = 0;
  const std::vector<int64_t> columns{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const auto start = std::chrono::steady_clock::now();
  for (;; ++batches) {
    clb_batch batch{};
    batch.struct_size = sizeof batch;
    if (table->stream_next(table->self, stream, &batch) != CLB_OK) break;
    session::HostBatch taken{.n = batch.n};
    const Batch received(batch);
    taken.parts.emplace_back(parts[1], received.features(parts[1]));
    method.predict(taken, columns);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  table->stream_close(table->self, stream);
  s.streams_opened = 0;
  return seconds / static_cast<double>(batches) * 1e6;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::fputs("abi_bench DATASET.so DATASET_ROOT CACHE_DIR\n", stderr);
    return 2;
  }
  const auto dataset =
      base::DatasetInfo::from_json(session::describe({.file = argv[1], .open = true, .root = argv[2], .cache_dir = argv[3]}), argv[1]);
  session::Emitter emitter(open("/dev/null", O_WRONLY));
  base::Spans spans;
  session::Session s(spec_of(dataset, argv[3]), torch::kCPU, "abi_bench", emitter, spans);
  session::configure(s.device, "fp32", 1);
  session::Host host(s);
  session::MethodHandle method(*MethodTable<Empty>::get());
  clb_session args{};
  args.struct_size = sizeof args;
  args.host = host.table();
  args.device_type = kDLCPU;
  method.create(args);
  s.task = 0;
  std::vector<double> rounds;
  for (int k = 0; k < 6; ++k) rounds.push_back(microseconds_per_batch(s, host, method));
  std::sort(rounds.begin() + 1, rounds.end());  // the first one extracts
  std::printf("stream_next + predict of an empty method, batch of 64 x 192: %.1f us (median of 5 rounds, target below 50)\n", rounds[3]);
  std::fflush(stdout);
  _exit(0);
} catch (const std::exception& e) {
  std::fprintf(stderr, "abi_bench: %s\n", e.what());
  return 1;
}
