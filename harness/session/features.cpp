#include <algorithm>
#include <chrono>
#include <clb/base/plugin_meta.hpp>
#include <clb/sdk/error.hpp>
#include <clb/session/prefetcher.hpp>
#include <clb/session/session.hpp>
#include <cstring>
#include <thread>

namespace clb::session {
namespace {

constexpr const char* kMainCls = "main:cls";

// Everything a feature's value depends on (design: results; issue: data path). The runner's own hash stands for the code of the network.
base::Json cache_key(const Session& s, const Backbone& backbone, Split split) {
  const auto cpu = processor();
  return {{"kind", kMainCls},
          {"weights", backbone.spec().sha256},
          {"weights_options", backbone.options()},
          {"transform", s.spec.protocol.eval_transform.to_json()},
          {"precision", s.spec.precision},
          {"dataset", s.spec.dataset.fingerprint},
          {"split", split == Split::kTrain ? "train" : "test"},
          {"runner", s.runner_hash},
          {"libtorch", TORCH_VERSION},
          {"processor", s.device.is_cuda() ? device_name(s.device) : cpu.model + " [" + cpu.flags + "]"},
          {"threads", s.device.is_cuda() ? 0 : s.spec.threads}};
}

// Waits for the lock of a cache folder without falling silent.
base::FileLock lock_folder(Session& s, const base::fs::path& folder) {
  base::fs::create_directories(folder);
  for (;;) {
    if (auto lock = base::FileLock::try_lock(folder / "lock")) return std::move(*lock);
    s.progress("features of another run, waiting", 0, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace

int64_t Features::dim(const std::string& kind) {
  if (kind != kMainCls) throw PluginError(CLB_E_INVALID, "there is no feature kind \"" + kind + "\"; this host computes " + kMainCls);
  return session_.has_images() ? session_.backbone("main").dim() : session_.spec.dataset.feature_dim;
}

FeatureCache& Features::cache(Split split) {
  auto& cache = caches_[static_cast<size_t>(split)];
  if (!cache) {
    auto& backbone = session_.backbone("main");
    cache = std::make_unique<FeatureCache>(session_.spec.execution.cache_dir, cache_key(session_, backbone, split), backbone.dim(),
                                           [this](const std::string& text) { session_.warn(text); });
  }
  return *cache;
}

void Features::ensure(const std::string& kind, Split split, const std::vector<int64_t>& ids) {
  dim(kind);
  if (!session_.has_images()) return;  // the dataset's own vectors cost nothing
  const auto span = session_.spans.enter("features", -1);
  auto& cached = cache(split);
  if (!std::exchange(counted_[static_cast<size_t>(split)], true)) {  // the ids are the same each time
    for (int64_t id : ids)
      if (cached.has(id)) {
        ++saved_;
        seconds_saved_ += cached.seconds(id);
      }
  }
  const auto missing = [&] {
    std::vector<int64_t> list;
    for (int64_t id : ids)
      if (!cached.has(id)) list.push_back(id);
    return list;
  };
  if (!missing().empty()) {
    std::optional<base::FileLock> lock;
    if (!cached.folder().empty()) {
      lock = lock_folder(session_, cached.folder());
      cached.load();  // another run may have computed them while we waited
    }
    if (const auto list = missing(); !list.empty()) extract(split, list);
  }
}

void Features::extract(Split split, const std::vector<int64_t>& missing) {
  auto& backbone = session_.backbone("main");
  const int64_t n = static_cast<int64_t>(missing.size()), size = session_.device.is_cuda() ? kExtractBatchCuda : kExtractBatchCpu;
  const int64_t batches = (n + size - 1) / size;
  const auto make = [&](int64_t k) {
    std::vector<ImageRequest> requests;
    for (int64_t i = k * size; i < std::min(n, (k + 1) * size); ++i) requests.push_back({split, missing[static_cast<size_t>(i)], 0});
    const auto batch = session_.eval_images.batch(requests);
    const int64_t lacking = size - batch.size(0);  // the last batch repeats its last image: every batch has the same shape
    return lacking == 0 ? batch : torch::cat({batch, batch.narrow(0, batch.size(0) - 1, 1).expand({lacking, -1, -1, -1})});
  };
  const auto start = std::chrono::steady_clock::now();
  auto values = torch::empty({n, backbone.dim()}, torch::kFloat32);
  Prefetcher prefetcher(make, batches, session_.spec.execution.loader_threads);
  for (int64_t k = 0; k < batches; ++k) {
    session_.check_cancelled();
    const int64_t count = std::min(size, n - k * size);
    values.narrow(0, k * size, count).copy_(backbone.cls(prefetcher.next()).narrow(0, 0, count));
    session_.progress("images", k * size + count, n);
  }
  charged_ += n;
  cache(split).add(missing, values, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

base::Json Features::counts() const {
  return {{"charged", charged_}, {"saved", saved_}, {"seconds_saved", seconds_saved_}, {"counted", counted_}};
}

void Features::take_up(const base::Json& counts) {
  charged_ = counts.at("charged").get<int64_t>();
  saved_ = counts.at("saved").get<int64_t>();
  seconds_saved_ = counts.at("seconds_saved").get<double>();
  counted_ = counts.at("counted").get<std::array<bool, 2>>();
}

torch::Tensor Features::gather(const std::string& kind, Split split, std::span<const int64_t> ids) {
  const int64_t d = dim(kind), n = static_cast<int64_t>(ids.size());
  auto values = torch::empty({n, d}, torch::kFloat32);
  auto* out = values.mutable_data_ptr<float>();
  const auto copy = [&](int64_t k, const void* row) { std::memcpy(out + k * d, row, static_cast<size_t>(d) * sizeof(float)); };
  for (int64_t k = 0; k < n; ++k) {
    const int64_t id = ids[static_cast<size_t>(k)];
    if (session_.has_images()) {
      copy(k, cache(split).row(id));
      continue;
    }
    const SampleBytes vector = session_.store.read(split, id);
    if (vector.bytes.size() != static_cast<size_t>(d) * sizeof(float))
      throw PluginError(CLB_E_INVALID, "a feature vector of the dataset has " + std::to_string(vector.bytes.size()) +
                                           " bytes, the run names " + std::to_string(d) + " float32");
    copy(k, vector.bytes.data());
  }
  return session_.device.is_cuda() ? values.to(session_.device) : values;
}

}  // namespace clb::session
