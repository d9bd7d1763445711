// Rehearsal: samples of earlier tasks that the host keeps for a method, as many of each class seen, chosen by herding.
#pragma once

#include <clb/nn/herding.hpp>
#include <clb/sdk/params.hpp>
#include <clb/sdk/statistics.hpp>
#include <vector>

namespace clb {

struct MemoryOptions {
  int64_t total = 2000;   // exemplars in all, shared equally among the classes seen
  int64_t per_class = 0;  // exemplars of each class whatever total says; 0: total rules

  int64_t quota(int64_t classes_seen) const { return per_class > 0 ? per_class : total / classes_seen; }
};

template <class T>
void add_options(Params<T>& p, MemoryOptions T::*memory) {
  auto in = p.in(memory);
  in.integer("memory_size", &MemoryOptions::total, {0, 1e9}, "exemplars in all, shared equally among the classes seen");
  in.integer("memory_per_class", &MemoryOptions::per_class, {0, 1e9},
             "exemplars per class, whatever memory_size says; 0: memory_size rules");
}

// Chooses anew among the classes of the task and shortens what is kept of older ones, whose best come first in the memory. `samples`: one
// view of task and memory; feature(batch) [n, d] is what herding compares. Returns the features [kept, d] of each class seen.
template <class Feature>
std::vector<torch::Tensor> keep_exemplars(const Context& ctx, const StreamRequest& samples, int64_t batch_size, int64_t quota,
                                          Feature feature) {
  const LabelledFeatures all = features_of(ctx, samples.sample_ids(), batch_size, feature, "exemplars");
  const auto kept = nn::exemplar_rows(all.features, all.labels, ctx.task().classes_seen, ctx.task().labels, quota);
  ctx.set_memory(all.ids.index_select(0, at::cat(kept)));
  std::vector<torch::Tensor> features;
  for (const torch::Tensor& rows : kept) features.push_back(all.features.index_select(0, rows));
  return features;
}

}  // namespace clb
