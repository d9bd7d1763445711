// A pool of prompts with keys (L2P, Wang et al., CVPR 2022): the keys nearest to an image's frozen feature choose its prompts.
#pragma once

#include <clb/nn/module.hpp>
#include <clb/nn/rng.hpp>

namespace clb::nn {

struct PromptPoolOptions {
  int64_t prompts = 10, length = 5, dim = 0;  // M, L_p, d
  double low = -1, high = 1;                  // prompts and keys start uniform between these
};

struct PromptChoice {
  torch::Tensor ids;      // [n, k] int64, nearest first
  torch::Tensor cosines;  // [n, k] between the chosen keys and the query
  torch::Tensor prompts;  // [n, k * length, d], in the order of the ids

  // The pull term: cosines summed over the k keys, averaged over the batch.
  torch::Tensor similarity() const { return cosines.sum() / cosines.size(0); }
};

class PromptPool final : public Module {
 public:
  PromptPool() = default;
  PromptPool(const PromptPoolOptions& options, const Rng& rng);

  // query [n, d], top_k between 0 and the number of prompts. vote: the k ids that are chosen most often in the batch serve every sample;
  // with fewer than k different ids the smallest one fills up, as in the published code. Equal similarities or votes: the smaller id first.
  PromptChoice choose(const torch::Tensor& query, int64_t top_k, bool vote) const;

  torch::Tensor prompts_of(const torch::Tensor& ids) const;  // ids [n, k]: [n, k * length, d], in the order of the ids

  void count_use(const PromptChoice& choice);
  torch::Tensor take_usage();  // how often each prompt was counted since the last call, [M] int64

 private:
  void parts(Parts& p) override { p("prompts", prompts_)("keys", keys_); }

  torch::Tensor prompts_, keys_;  // [M, length, d], [M, d]
  torch::Tensor usage_;
};

}  // namespace clb::nn
