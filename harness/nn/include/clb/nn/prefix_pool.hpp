// Pools of prefixes with keys, in some of a network's blocks: a prompt for each task, or several that tasks share. The expert prompts of
// DualPrompt (Wang et al., ECCV 2022), S-Prompt++ (the baseline of HiDe-Prompt, Wang et al., NeurIPS 2023) and L2P++ (the baseline of
// CODA-Prompt, Smith et al., CVPR 2023) differ in who chooses and in the key loss alone.
#pragma once

#include <clb/nn/module.hpp>
#include <clb/nn/rng.hpp>
#include <vector>

namespace clb::nn {

struct PrefixPoolOptions {
  std::vector<int64_t> blocks = {};
  int64_t prompts = 10, length = 5, dim = 0;  // M; l, rows of keys and as many of values; d
  bool key_per_block = false;                 // each block chooses with keys of its own; else one set of keys chooses for all
  double low = -1, high = 1;                  // prompts and keys start uniform between these
};

// s: sets of keys, 1 or one for each block.
struct PrefixChoice {
  torch::Tensor ids;      // [s, n, k] int64
  torch::Tensor cosines;  // [s, n, M], of each query with every key, chosen or not

  torch::Tensor chosen_cosines() const { return cosines.gather(2, ids); }  // [s, n, k]

  // Three key losses, each a scalar. DualPrompt: cosines summed over what was chosen, averaged over the batch; the larger the nearer.
  torch::Tensor similarity() const { return chosen_cosines().sum() / ids.size(1); }
  // CODA's code: 1 - cosine, summed over what was chosen, the batch and the sets.
  torch::Tensor distance() const { return (1 - chosen_cosines()).sum(); }
  // The same as that code has it for L2P++: every sample is held against what every sample of the batch chose.
  torch::Tensor crossed_distance() const;
};

class PrefixPool final : public Module {
 public:
  PrefixPool() = default;
  PrefixPool(const PrefixPoolOptions& options, const Rng& rng);

  int64_t prompts() const { return options_.prompts; }
  int64_t key_sets() const { return keys_.size(0); }

  // query [n, d]; the k nearest keys of each set among the first `among` (0: all). vote: one choice for the whole batch, see voted_ids.
  PrefixChoice nearest(const torch::Tensor& query, int64_t k, bool vote, int64_t among = 0) const;
  // Prompts first, ..., first + k - 1 for every sample, whatever the keys say.
  PrefixChoice given(const torch::Tensor& query, int64_t first, int64_t k) const;

  // [b, n, 2, k l, d]: what each sample gets, for prefix_of_pairs (layer_prefixes.hpp, which says what legacy means).
  torch::Tensor chosen(const PrefixChoice& choice, bool legacy = false) const;
  // [b, 2, count, l, d]: these prompts, a view.
  torch::Tensor rows(int64_t first, int64_t count) const { return prefixes_.narrow(2, first, count); }

  // Prompts to, ..., to + count - 1 become those from `from` on; keys stay as they are.
  void copy_prompts(int64_t from, int64_t to, int64_t count);

 private:
  torch::Tensor cosines(const torch::Tensor& query) const;  // [s, n, M]
  void parts(Parts& p) override { p("prefixes", prefixes_)("keys", keys_); }

  PrefixPoolOptions options_;
  torch::Tensor prefixes_, keys_;  // [b, 2, M, l, d], [s, M, d]
};

}  // namespace clb::nn
