// What prompt-based methods share that needs a session: images with the frozen network's view of them (the query), prompts as drawn, and
// what is told of pools.
#pragma once

#include <algorithm>
#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>
#include <clb/sdk/shared_blocks.hpp>
#include <string>
#include <utility>
#include <vector>

namespace clb {

// Which prompts predict, of every method that trains some: an ablation for a kept state.
template <class M>
auto add_test_prompts(Params<M>& p, std::string M::*test_prompts) {
  return p.choice("test_prompts", test_prompts, {"trained", "initial"}, "prompts that predict; initial: as drawn (ablation)");
}

// A copy of what was just drawn, on the device of the run, for test_prompts = "initial".
template <class Module>
Module as_drawn(const Context& ctx, const Module& module) {
  Module copy = nn::copy_of(module);
  nn::move_to(copy, ctx.device());
  return copy;
}

// What predict wants of an image: its query, which as a frozen feature comes from the host's cache, and the image where prompts see it.
inline Inputs queried_inputs(bool prompted, const char* kind = "main:cls") {
  return prompted ? Inputs::images().with_features(kind) : Inputs::features(kind);
}

// The tasks [n] of a question's samples. Throws PluginError (invalid) where the stream does not tell them, in the name of the parameter
// that asks for them.
inline const torch::Tensor& told_tasks(const Batch& b, const std::string& parameter) {
  if (!b.task_ids.defined())
    throw PluginError(CLB_E_INVALID, parameter + " needs the task of each test sample, which this stream does not tell");
  return b.task_ids;
}

// Throw PluginError (invalid) for parameters of these names that do not go together: the bounds between which prompts start, prompts
// chosen of a pool, rows of a prompt of which half are keys and half values.
inline void require_init(double low, double high) {
  if (low > high) throw PluginError(CLB_E_INVALID, "init_low lies above init_high; exchange them");
}
inline void require_top_k(int64_t top_k, int64_t pool_size) {
  if (top_k > pool_size) {
    throw PluginError(CLB_E_INVALID, "top_k is " + std::to_string(top_k) + ", but pool_size is only " + std::to_string(pool_size) +
                                         "; choose at most as many prompts as the pool has");
  }
}
inline void require_halves(int64_t length) {
  if (length % 2 != 0) {
    throw PluginError(CLB_E_INVALID, "prompt_length is " + std::to_string(length) +
                                         "; half of a prompt are keys, half values, so an even number was expected");
  }
}

// The task's images as queries() takes them: with the training transform, or as they are evaluated. The second kind is the same in
// every epoch, so that the host's cache has the frozen feature of each.
inline StreamRequest queried_images(const Context& ctx, bool augmented) {
  const StreamRequest images = ctx.train().images().sample_ids();
  return augmented ? images.train_view() : images.eval_view().features("main:cls");
}

// [n, d] float32: the class token of the network without prompts, from the cache where the batch brings it, else from one frozen pass over
// what was begun of the batch's images.
inline torch::Tensor queries(const Batch& b, const nn::Begun& images, const nn::Vit& vit, bool augmented) {
  return augmented ? vit.query(images).to(torch::kFloat32) : b.features("main:cls");
}

// How often each entry of a pool was taken, counts [entries], under the reserved name of usage; `pool`: "KIND/BLOCK", 0 where one choice
// serves all blocks.
inline void record_usage(const Context& ctx, const std::string& pool, const torch::Tensor& counts) {
  const torch::Tensor numbers = counts.detach().to(torch::kCPU, torch::kFloat64);
  for (int64_t k = 0; k < numbers.numel(); ++k) ctx.metric((CLB_METRIC_USAGE + pool).c_str(), k, numbers[k].item<double>());
}

// The same of pools in several blocks, counts [blocks, entries], as "KIND/BLOCK" each.
inline void record_usage(const Context& ctx, const std::string& kind, const std::vector<int64_t>& blocks, const torch::Tensor& counts) {
  for (size_t k = 0; k < blocks.size(); ++k) record_usage(ctx, kind + "/" + std::to_string(blocks[k]), counts[static_cast<int64_t>(k)]);
}

// How far a task moved its prompts: the length of the difference over their length before.
inline void record_change(const Context& ctx, const torch::Tensor& now, const torch::Tensor& before) {
  const torch::Tensor moved = (now.detach() - before).norm() / before.norm().clamp_min(1e-12);
  ctx.metric("prompts/" CLB_METRIC_RELATIVE_CHANGE, ctx.task().index, moved.item<double>());
}

// The mean of a number over the updates of each epoch, as a series of this name: one look at the device an epoch. A method adds it in its
// loss, and calls record() behind the fit, for the last epoch.
class EpochMeans {
 public:
  EpochMeans(const Context& ctx, std::string name) : ctx_(ctx), name_(std::move(name)) {}

  void add(const Batch& b, const torch::Tensor& values) {  // of any shape; empty: nothing
    if (b.epoch != epoch_) record();
    epoch_ = b.epoch;
    if (values.numel() == 0) return;
    const torch::Tensor mean = values.detach().mean();
    sum_ = count_ == 0 ? mean : sum_ + mean;
    ++count_;
  }

  void record() {
    if (count_ > 0) ctx_.metric(name_.c_str(), epoch_, sum_.item<double>() / static_cast<double>(count_));
    count_ = 0;
  }

 private:
  const Context& ctx_;
  std::string name_;
  torch::Tensor sum_;
  int64_t epoch_ = 0, count_ = 0;
};

// Whether keys move towards the queries that they serve: mean cosine of each image's keys in training and its query.
inline constexpr const char* kKeySimilarity = "keys/similarity";

}  // namespace clb
