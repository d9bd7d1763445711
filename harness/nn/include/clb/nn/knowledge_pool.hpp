// What APG (Tang et al., ICCV 2023) keeps of old classes and draws from in place of their images: normal distributions of what enters its
// generator of prompts and of what leaves the network, and the mean prompt that came out.
#pragma once

#include <clb/nn/class_gaussians.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace clb::nn {

struct PoolDrawOptions {
  std::string covariance = "full";  // full | diagonal, of the distributions
  int64_t items = 128, each = 4;    // classes drawn for an update, rows of each
  int64_t per_class = 500;          // classes drawn in an epoch on the pool alone, times those there are
};

struct KnowledgePool {
  struct Rows {
    torch::Tensor low, features, prompts, labels;  // [n, d], [n, d], [n, 1, d], [n]
  };
  std::vector<ClassGaussian> low, features;  // class tokens in the middle of the network, and final features with a prompt
  std::vector<torch::Tensor> prompts;        // mean prompts [d]
  std::vector<int64_t> tasks;                // in which each was learned

  int64_t size() const { return static_cast<int64_t>(features.size()); }

  // Those of these classes that have rows among what was seen of a task.
  void remember(int64_t task, const std::vector<int64_t>& classes, const Rows& seen, const std::string& covariance);

  // `items` of the first `among`, any of them from rng("items"), `each` rows of each from rng("low.<k>") and rng("features.<k>").
  Rows draw(int64_t among, int64_t items, int64_t each, const Rng& rng);
  Rows draw(int64_t among, const PoolDrawOptions& options, const Rng& rng) { return draw(among, options.items, options.each, rng); }

  void forget(int64_t task);  // the newest ones, as far as they are of this task

 private:
  torch::Tensor rows(const ClassGaussian& g, int64_t n, torch::Generator generator);

  std::map<const void*, std::pair<torch::Tensor, torch::Tensor>> factors_;  // covariances and their factors, made when they are needed
};

}  // namespace clb::nn
