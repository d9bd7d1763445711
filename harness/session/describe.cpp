#include <torch/version.h>

#include <clb/base/cache.hpp>
#include <clb/base/error.hpp>
#include <clb/base/paths.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/base/sha256.hpp>
#include <clb/data/dataset.hpp>
#include <clb/data/sample_store.hpp>
#include <clb/session/describe.hpp>
#include <clb/session/device.hpp>
#include <clb/session/method_handle.hpp>

namespace clb::session {
namespace {

constexpr int64_t kDescribeStoreLimit = base::ExecutionSpec{}.store_limit;

base::DatasetInfo dataset_info(const DescribeOptions& options) {
  if (!options.open) return data::Dataset::info_of(options.file);
  const data::Dataset dataset(options.file, options.root, options.params);
  base::DatasetInfo info = dataset.info();
  const auto counts = [&](data::Split split) {
    std::vector<int64_t> counts(static_cast<size_t>(info.class_count));
    for (int64_t label : dataset.labels(split)) ++counts[static_cast<size_t>(label)];
    return counts;
  };
  info.train_counts = counts(data::Split::kTrain);
  info.test_counts = counts(data::Split::kTest);
  info.train_labels = base::labels_hash(dataset.labels(data::Split::kTrain));
  info.test_labels = base::labels_hash(dataset.labels(data::Split::kTest));
  if (!options.cache_dir.empty()) base::prepare_cache(options.cache_dir);
  info.fingerprint = data::fingerprint_and_cache(dataset, options.cache_dir, kDescribeStoreLimit);
  return info;
}

}  // namespace

base::Json describe(const DescribeOptions& options) {
  const auto meta = base::read_plugin_meta(options.file);
  return meta.kind == "method" ? method_info(options.file).to_json() : dataset_info(options).to_json();
}

base::Json describe_runner() {
  const auto cpu = processor();
  const auto cards = cuda_devices();
  return {{"libtorch", TORCH_VERSION},
          {"cuda", !cards.empty()},
          {"devices", cards},
          {"cpu", cpu.model},
          {"cpu_flags", cpu.flags},
          {"cores", cpu.cores},
          {"runner_hash", base::hex(base::sha256_file(base::kThisProgram))}};
}

}  // namespace clb::session
