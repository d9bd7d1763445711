#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <clb/base/error.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/base/prefetcher.hpp>
#include <clb/features/features.hpp>
#include <clb/loader/globals.hpp>
#include <clb/loader/plugin_file.hpp>
#include <clb/sdk/error.hpp>
#include <cstring>
#include <optional>

#include "folder_lock.hpp"

namespace clb::features {
std::shared_ptr<Features::Source> Features::host_source(const std::string& kind) {
  const auto unknown = [&] {
    return PluginError(CLB_E_INVALID, "there is no feature kind \"" + kind + "\"; this host computes role:KIND and role:cls@BLOCKS" +
                                          (data::has_images(run_.spec) ? "" : ", and of a dataset of feature vectors main:cls alone"));
  };
  if (!data::has_images(run_.spec) && kind != "main:cls") throw unknown();
  const auto parsed = parse_feature_kind(kind, [&](const std::string& role) { return run_.backbones.at(role).depth(); });
  if (!parsed) throw unknown();
  if (const auto found = sources_.find(parsed->name()); found != sources_.end()) return found->second;
  auto made = std::make_shared<Source>();
  made->host = parsed;
  made->name = parsed->name();
  made->dim = data::has_images(run_.spec) ? run_.backbones.at(parsed->role).columns(*parsed) : run_.spec.dataset.feature_dim;
  return sources_[made->name] = made;
}

Features::Source& Features::source(const std::string& kind) {
  const auto found = sources_.find(kind);
  return found != sources_.end() ? *found->second : *(sources_[kind] = host_source(kind));
}

void Features::declare(const std::string& kind, int64_t dim, const std::string& content, Content origin) {
  if (dim < 1) throw PluginError(CLB_E_INVALID, "the feature kind \"" + kind + "\" has " + std::to_string(dim) + " columns");
  data::require_images(run_.spec);
  if (kind.find(':') != std::string::npos || kind.empty())
    throw PluginError(CLB_E_INVALID, "\"" + kind + "\" cannot name features of a method: names with a colon are the host's");
  const auto found = sources_.find(kind);
  if (found != sources_.end()) {
    if (found->second->content == content && found->second->dim == dim) return;
    throw PluginError(CLB_E_INVALID, "the feature kind \"" + kind + "\" has been registered with other contents; give it another name");
  }
  auto made = std::make_shared<Source>();
  made->name = kind;
  made->content = content;
  made->origin = origin;
  made->dim = dim;
  sources_[kind] = made;
}

int64_t Features::dim(const std::string& kind) { return source(kind).dim; }
bool Features::is_derived(const std::string& kind) { return !source(kind).host; }

const data::Images& Features::images_of(const Source& source) const { return run_.views.at(source.host ? source.host->role : "", false); }

// The runner's own hash stands for the code of the network.
base::Json computation(const Surroundings& run) {
  return {{"precision", run.spec.precision},
          {"runner", run.runner_hash},
          {"libtorch", run.libtorch},
          {"processor", run.processor},
          {"threads", run.device.is_cuda() ? 0 : run.spec.threads}};
}

// Everything a feature's value depends on (design: results; issue: data path).
base::Json Features::cache_key(const Source& source, Split split) {
  base::Json key = computation(run_);
  key["kind"] = source.name;
  key["transform"] = images_of(source).recipe().to_json();
  key["dataset"] = run_.spec.dataset.fingerprint;
  key["split"] = split == Split::kTrain ? "train" : "test";
  if (source.host) {
    const Backbone& backbone = run_.backbones.at(source.host->role);
    key["weights"] = backbone.spec().sha256;
    key["weights_options"] = backbone.options();
    return key;
  }
  for (const auto& [role, backbone] : run_.backbones) key["weights"][role] = {backbone.spec().sha256, backbone.options()};
  key["content"] = source.content;
  if (source.origin == Content::kTold) key["run"] = run_.spec.key();  // seed, class order and whatever else a method may have forgotten
  key["plugin"] = run_.spec.method.file.empty() ? "" : loader::plugin_hash(run_.spec.method.file, run_.spec.execution.method_sources);
  key["params"] = run_.spec.method.params;
  return key;
}

Features::Rows& Features::rows(Source& source, Split split) {
  Rows& rows = source.splits[static_cast<size_t>(split)];
  if (!rows.cache) {
    const FeatureCache::Folders folders{run_.spec.execution.cache_dir, run_.shared_cache};
    rows.cache =
        std::make_unique<FeatureCache>(folders, cache_key(source, split), source.dim, [this](const std::string& text) { run_.warn(text); });
    if (const auto before = accounted_before_.find(source.name); before != accounted_before_.end())
      rows.accounted_before = before->second[static_cast<size_t>(split)];
  }
  return rows;
}

void Features::ensure(const std::string& kind, Split split, const std::vector<int64_t>& ids) {
  expect_unchanged();
  Source& from = source(kind);
  if (!data::has_images(run_.spec)) return;  // the dataset's own vectors cost nothing
  Rows& there = rows(from, split);
  const bool due = !from.host && is_due(there);
  const auto span = run_.spans.enter("features", -1);
  auto& cached = *there.cache;
  count_found(from, there, ids);
  const auto missing = [&] {
    std::vector<int64_t> list;
    for (int64_t id : ids)
      if (!cached.has(id)) list.push_back(id);
    return list;
  };
  std::optional<base::FileLock> lock;
  if (!missing().empty() && !cached.folder().empty()) {
    lock = lock_folder(cached.folder(), run_.progress);
    cached.load();  // another run may have computed them while we waited
  }
  if (!from.host) prove(from, there, split, ids, due);
  if (const auto list = missing(); !list.empty()) compute(from, there, split, list);
}

void Features::count_found(const Source& source, Rows& rows, const std::vector<int64_t>& ids) {
  for (int64_t id : ids) {
    if (!rows.cache->has(id)) continue;
    bool first = rows.accounted.insert(id).second;
    if (first && rows.accounted_before > 0) {
      --rows.accounted_before;
      first = false;
    }
    if (first || !source.host) ++saved_;
    if (first) seconds_saved_ += rows.cache->seconds(id);
  }
}

torch::Tensor Features::compute_batch(const Source& source, const torch::Tensor& images) {
  if (source.host) return run_.backbones.at(source.host->role).compute(*source.host, images);
  const torch::Tensor values = extract_(source.name, images);
  const int64_t n = images.size(0);
  if (!values.defined() || values.dim() != 2 || values.size(0) != n || values.size(1) != source.dim ||
      values.scalar_type() != torch::kFloat32) {
    throw PluginError(
        CLB_E_INVALID,
        "extract returned " +
            (values.defined() ? std::string(toString(values.scalar_type())) + " " + c10::str(values.sizes()) : std::string("nothing")) +
            " for \"" + source.name + "\", wanted Float [" + std::to_string(n) + ", " + std::to_string(source.dim) + "]");
  }
  return values;
}

int64_t Features::batch_size() const { return run_.device.is_cuda() ? kExtractBatchCuda : kExtractBatchCpu; }

torch::Tensor Features::images(const data::Images& view, Split split, std::span<const int64_t> ids) const {
  std::vector<data::ImageRequest> requests;
  for (int64_t id : ids) requests.push_back({split, id, 0});
  const auto batch = view.batch(requests);
  const int64_t lacking = batch_size() - batch.size(0);  // the last batch repeats its last image: every batch has the same shape
  return lacking == 0 ? batch : torch::cat({batch, batch.narrow(0, batch.size(0) - 1, 1).expand({lacking, -1, -1, -1})});
}

void Features::compute(const Source& source, Rows& rows, Split split, const std::vector<int64_t>& missing) {
  if (source.host) loader::Globals::expect_unchanged_in_call();  // others will be served what is computed here
  const int64_t n = static_cast<int64_t>(missing.size()), size = batch_size();
  const int64_t batches = (n + size - 1) / size;
  const data::Images& view = images_of(source);
  const auto make = [&](int64_t k) {
    return images(view, split,
                  std::span(missing).subspan(static_cast<size_t>(k * size), static_cast<size_t>(std::min(size, n - k * size))));
  };
  const auto start = std::chrono::steady_clock::now();
  auto values = torch::empty({n, source.dim}, torch::kFloat32);
  base::Prefetcher<torch::Tensor> prefetcher(make, batches, run_.spec.execution.loader_threads);
  for (int64_t k = 0; k < batches; ++k) {
    run_.check_cancelled();
    const int64_t count = std::min(size, n - k * size);
    values.narrow(0, k * size, count).copy_(compute_batch(source, prefetcher.next()).narrow(0, 0, count));
    run_.progress("images", k * size + count, n);
  }
  run_.spans.count_waiting(prefetcher.waited());
  run_.expect_unchanged();  // before others find the values under the hashes of their files
  charged_ += n;
  rows.accounted.insert(missing.begin(), missing.end());
  rows.cache->add(missing, values, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

std::optional<Features::Cached> Features::cached(const std::string& kind, Split split, const std::vector<int64_t>& ids) {
  Source& from = source(kind);
  if (!from.host || !data::has_images(run_.spec)) return std::nullopt;
  FeatureCache& cache = *rows(from, split).cache;
  Cached found;
  for (int64_t id : ids) {
    if (!cache.has(id)) return std::nullopt;
    const FeatureCache::Part& part = cache.part(cache.place(id).part);
    if (part.file.empty()) return std::nullopt;
    found.folder = part.file.parent_path().string();
    found.segments.insert(part.file.parent_path().filename().string() + "/" + part.checksum);
  }
  found.values = gather(kind, split, ids);
  return found;
}

void Features::accept(const std::string& kind, Split split, const std::vector<int64_t>& ids, const torch::Tensor& values) {
  rows(source(kind), split).cache->add(ids, values, 0);
}

base::Json Features::counts() const {
  auto accounted = accounted_before_;
  for (const auto& [name, source] : sources_)
    for (size_t split = 0; split < 2; ++split)
      if (const Rows& rows = source->splits[split]; rows.cache)
        accounted[source->name][split] = static_cast<int64_t>(rows.accounted.size()) + rows.accounted_before;
  return {{"charged", charged_}, {"saved", saved_}, {"seconds_saved", seconds_saved_}, {"accounted", accounted}};
}

void Features::take_up(const base::Json& counts) {
  charged_ = counts.at("charged").get<int64_t>();
  saved_ = counts.at("saved").get<int64_t>();
  seconds_saved_ = counts.at("seconds_saved").get<double>();
  accounted_before_ = counts.at("accounted").get<std::map<std::string, std::array<int64_t, 2>>>();
}

torch::Tensor Features::gather(const std::string& kind, Split split, std::span<const int64_t> ids) {
  Source& from = source(kind);
  const int64_t d = from.dim, n = static_cast<int64_t>(ids.size());
  auto values = torch::empty({n, d}, torch::kFloat32);
  auto* out = values.mutable_data_ptr<float>();
  const auto copy = [&](int64_t k, const void* row) { std::memcpy(out + k * d, row, static_cast<size_t>(d) * sizeof(float)); };
  for (int64_t k = 0; k < n; ++k) {
    const int64_t id = ids[static_cast<size_t>(k)];
    if (data::has_images(run_.spec)) {
      copy(k, rows(from, split).cache->row(id));
      continue;
    }
    const data::SampleBytes vector = run_.store.read(split, id);
    if (vector.bytes.size() != static_cast<size_t>(d) * sizeof(float))
      throw PluginError(CLB_E_INVALID, "a feature vector of the dataset has " + std::to_string(vector.bytes.size()) +
                                           " bytes, the run names " + std::to_string(d) + " float32");
    copy(k, vector.bytes.data());
  }
  return run_.device.is_cuda() ? values.to(run_.device) : values;
}

}  // namespace clb::features
