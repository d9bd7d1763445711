// What programs that measure a session share: a spec of the first tasks of a data set, and the median of rounds.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <clb/base/describe.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/base/sha256.hpp>
#include <string>
#include <vector>

namespace clb::bench {

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Classes in their own order in `tasks` equal tasks, images of size x size in ImageNet's statistics, in training as in evaluation.
inline base::RunSpec spec_of(const std::string& program, const std::string& weights, const base::DatasetInfo& dataset, int64_t tasks,
                             int64_t size) {
  base::RunSpec spec;
  spec.experiment = program;
  spec.dataset.id = dataset.id;
  spec.dataset.file = dataset.file;
  spec.dataset.root = dataset.root;
  spec.dataset.fingerprint = dataset.fingerprint;
  spec.dataset.class_count = dataset.class_count;
  spec.weights.push_back({.role = "main", .file = weights, .sha256 = base::hex(base::sha256_file(weights)), .random = {}});
  for (int64_t c = 0; c < dataset.class_count; ++c) spec.protocol.class_order.push_back(c);
  spec.protocol.task_sizes.assign(static_cast<size_t>(tasks), dataset.class_count / tasks);
  auto& eval = spec.protocol.eval_transform;
  eval.name = program;
  eval.resize = size;
  eval.mean = {0.485, 0.456, 0.406};
  eval.std = {0.229, 0.224, 0.225};
  spec.method.train_transform = eval;
  spec.threads = at::get_num_threads();
  return spec;
}

}  // namespace clb::bench
