// Prompts chosen by vector quantisation: a pool with keys for each of some layers, whose entries are the codebook (VQ-Prompt, Jiao et al.,
// NeurIPS 2024, arXiv:2410.20444). What is chosen keeps beside it what the losses need.
#pragma once

#include <clb/nn/module.hpp>
#include <clb/nn/rng.hpp>
#include <string>
#include <vector>

namespace clb::nn {

struct CodebookOptions {
  std::vector<int64_t> blocks = {};           // which blocks have a layer of it; l of them
  int64_t entries = 10, length = 8, dim = 0;  // m, p, d
  double low = 0, high = 1;                   // prompts and keys start uniform between these
};

struct SelectionOptions {
  std::string rule = "quantised";  // the entry nearest to the weighted sum | soft: the sum | nearest_key: the entry of the largest score
  std::string estimator = "straight_through";  // gradients of a quantised prompt: to the sum | stop_gradient: to the entry, to no key
  double temperature = 1;                      // of the softmax over scores (tau)
};

// For n images.
struct Selection {
  torch::Tensor scores, weights;  // [l, n, m]: query times unit key; their softmax
  torch::Tensor soft;             // [l, n, p, d]: the weighted sum of entries
  torch::Tensor distances,
      codes;                    // [l, n, m] float64, squared, from the sum to each entry; [l, n] the entry taken, of equal ones the first
  torch::Tensor hard, prompts;  // [l, n, p, d]: that entry, bit for bit; what the network gets
};

class Codebook final : public Module {
 public:
  Codebook() = default;
  Codebook(const CodebookOptions& options, const Rng& rng);

  // query [n, d] float32 as it is, not normalised: its length acts as an inverse temperature.
  Selection select(const torch::Tensor& query, const SelectionOptions& options) const;

  const torch::Tensor& prompts() const { return prompts_; }

  // An image counts for the entry that it took, or in parts for all of them where the rule is soft.
  void count_use(const Selection& selection, const SelectionOptions& options);
  torch::Tensor take_usage();  // what was counted since the last call, [l, m] float64

 private:
  void parts(Parts& p) override { p("prompts", prompts_)("keys", keys_); }

  torch::Tensor prompts_, keys_;  // [l, m, p, d], [l, m, d]
  torch::Tensor used_;
};

// What is added to the cross-entropy. The released code weighs the term that moves the sum (commitment) with 0.4 and the one that moves the
// entry (vq) with 0.1, of means over a prompt's numbers; the paper's formula has the weights the other way round, and squared norms.
struct CodebookTermOptions {
  double commitment = 0.4, vq = 0.1;
  double key = 0;                  // of the cosine of query and taken key, which is drawn to 1 as in L2P; an ablation
  std::string reduction = "mean";  // mean | sum, over a prompt's numbers
};

struct CodebookTerms {
  torch::Tensor commitment, vq, layers;  // [l]: mean squared distances of sum and entry, which differ in their gradients; weighed
  torch::Tensor sum;                     // of `layers`
};

CodebookTerms codebook_terms(const Selection& selection, const torch::Tensor& query, const CodebookTermOptions& options);

}  // namespace clb::nn
