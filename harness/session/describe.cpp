#include <clb/base/cache.hpp>
#include <clb/base/error.hpp>
#include <clb/base/paths.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/base/sha256.hpp>
#include <clb/data/prepare.hpp>
#include <clb/python/header.hpp>
#include <clb/session/describe.hpp>
#include <clb/session/device.hpp>
#include <clb/session/method_handle.hpp>
#include <clb/session/python.hpp>

namespace clb::session {
namespace {

base::DatasetInfo dataset_info(const DescribeOptions& options) {
  if (!options.open) return data::Dataset::info_of(options.file);
  if (!options.cache_dir.empty()) base::prepare_cache(options.cache_dir);
  const auto prepared = data::prepare({.file = options.file,
                                       .root = options.root,
                                       .params = options.params,
                                       .cache = options.cache_dir,
                                       .store_limit = options.store_limit,
                                       .progress = options.progress});  // who needs a store that is not kept builds it, or says why not
  const data::Dataset& dataset = *prepared.dataset;
  base::DatasetInfo info = dataset.info();
  info.fingerprint = prepared.fingerprint;
  const auto counts = [&](data::Split split) {
    std::vector<int64_t> counts(static_cast<size_t>(info.class_count));
    for (int64_t label : dataset.labels(split)) ++counts[static_cast<size_t>(label)];
    return counts;
  };
  info.train_counts = counts(data::Split::kTrain);
  info.test_counts = counts(data::Split::kTest);
  info.train_labels = base::labels_hash(dataset.labels(data::Split::kTrain));
  info.test_labels = base::labels_hash(dataset.labels(data::Split::kTest));
  return info;
}

}  // namespace

base::Json describe(const DescribeOptions& options) {
  const auto meta = python::read_meta(options.file);
  return meta.kind == "method" ? method_info(options.file).to_json() : dataset_info(options).to_json();
}

base::Json describe_runner() {
  const auto cpu = processor();
  const auto cards = cuda_devices();
  return {{"libtorch", libtorch_version()},
          {"cuda", !cards.empty()},
          {"devices", cards},
          {"cpu", cpu.model},
          {"cpu_flags", cpu.flags},
          {"cores", cpu.cores},
          {"runner_hash", base::hex(base::sha256_file(base::code_file()))}};
}

}  // namespace clb::session
