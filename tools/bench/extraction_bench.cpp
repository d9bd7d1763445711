// Frozen-feature extraction through the session's data path (decoded store, transform on loader threads, double buffering) against a bare
// LibTorch loop over tensors that are already transformed: same network, batch, threads, InferenceMode. Rounds alternate, so that both see
// the same machine.
//
//   extraction_bench WEIGHTS.safetensors DATASET.so DATASET_ROOT CACHE_DIR [images = 640] [rounds = 3]
#include <ATen/Parallel.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <clb/base/precision.hpp>
#include <clb/session/describe.hpp>
#include <clb/session/session.hpp>
#include <cstdio>
#include <cstdlib>

#include "workload.hpp"

namespace {

using namespace clb;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Rates {
  double bare, path;  // images per second
};

Rates measure(const base::RunSpec& planned, int64_t images, int64_t rounds) {
  session::Emitter emitter(open("/dev/null", O_WRONLY));
  base::Spans spans;
  std::vector<double> bare, path;
  base::RunSpec spec = planned;
  session::Session probe(spec, torch::kCPU, "extraction_bench", emitter, spans);
  std::vector<data::ImageRequest> requests;
  for (int64_t i = 0; i < features::kExtractBatchCpu; ++i) requests.push_back({data::Split::kTrain, i, 0});
  const auto batch = probe.views.at("", false).batch(requests).clone();
  probe.backbones.at("main").compute({.role = "main"}, batch);  // loads the weights
  const int64_t batches = images / features::kExtractBatchCpu;
  for (int64_t round = 0; round < rounds; ++round) {
    auto start = Clock::now();
    for (int64_t k = 0; k < batches; ++k) probe.backbones.at("main").compute({.role = "main"}, batch);
    bare.push_back(static_cast<double>(batches * features::kExtractBatchCpu) / seconds_since(start));

    std::vector<int64_t> ids;  // images that no earlier round has cached
    for (int64_t i = 0; i < batches * features::kExtractBatchCpu; ++i) ids.push_back(round * batches * features::kExtractBatchCpu + i);
    start = Clock::now();
    probe.features.ensure("main:cls", data::Split::kTrain, ids);
    path.push_back(static_cast<double>(ids.size()) / seconds_since(start));
  }
  return {bench::median(bare), bench::median(path)};
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5) {
    std::fputs("extraction_bench WEIGHTS.safetensors DATASET.so DATASET_ROOT CACHE_DIR [images = 640] [rounds = 3]\n", stderr);
    return 2;
  }
  const int64_t images = argc > 5 ? std::atoll(argv[5]) : 640, rounds = argc > 6 ? std::atoll(argv[6]) : 3;
  if (base::fs::exists(base::fs::path(argv[4]) / "features")) {  // which the bench removes
    std::fprintf(stderr, "extraction_bench: %s holds features already; give a cache of the bench's own\n", argv[4]);
    return 2;
  }
  const auto described = session::describe({.file = argv[2], .open = true, .root = argv[3], .cache_dir = argv[4]});
  const auto dataset = base::DatasetInfo::from_json(described, argv[2]);
  at::set_num_interop_threads(1);
  const auto cpu = session::processor();
  std::printf("%s, %ld threads, flags: %s; batch %ld, %ld images a round, median of %ld rounds\n", cpu.model.c_str(),
              static_cast<long>(at::get_num_threads()), cpu.flags.c_str(), static_cast<long>(features::kExtractBatchCpu),
              static_cast<long>(images), static_cast<long>(rounds));
  double fp32 = 0;
  for (const char* precision : {"fp32", base::kBf16, base::kBf16Weights}) {
    std::string cache = argv[4];
    base::RunSpec spec = bench::spec_of("extraction_bench", argv[1], dataset, 1, 224);
    spec.precision = precision;
    spec.execution.cache_dir = cache;
    const auto [bare, path] = measure(spec, images, rounds);
    base::fs::remove_all(base::fs::path(cache) / "features");  // all of them are the bench's own, see above
    std::printf("%s: bare loop %.1f images/s, through the session %.1f images/s, ratio %.3f\n", precision, bare, path, path / bare);
    if (fp32 == 0)
      fp32 = path;
    else
      std::printf("%s against fp32 through the session: %.2fx\n", precision, path / fp32);
  }
  std::fflush(stdout);
  _exit(0);
} catch (const std::exception& e) {
  std::fprintf(stderr, "extraction_bench: %s\n", e.what());
  return 1;
}
