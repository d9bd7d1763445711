// Options of nn's building blocks as parameters of a method: each group once, so that every method that has the block declares it alike.
#pragma once

#include <clb/nn/class_gaussians.hpp>
#include <clb/nn/codebook.hpp>
#include <clb/sdk/params.hpp>

namespace clb {

// A pool of prompts as a codebook (VQ-Prompt), what is chosen of it, and what its losses add.
struct QuantisedPromptOptions {
  nn::CodebookOptions pool = {};
  nn::SelectionOptions selection = {};
  nn::CodebookTermOptions terms = {};
};

template <class T>
void add_options(Params<T>& p, QuantisedPromptOptions T::*prompt) {
  using Pool = nn::CodebookOptions;
  using Terms = nn::CodebookTermOptions;
  auto in = p.in(prompt);
  auto pool = in.in(&QuantisedPromptOptions::pool);
  pool.integer("pool_size", &Pool::entries, {1, 4096}, "prompts in the pool of each layer (N)");
  pool.integer("prompt_length", &Pool::length, {0, 256}, "rows of a prompt, half of them keys (L_p); 0 = no prompts");
  pool.integers("blocks", &Pool::blocks, {0, 1000}, "blocks with a pool");
  pool.real("init_low", &Pool::low, {-10, 10}, "prompts and keys start uniform from here ...");
  pool.real("init_high", &Pool::high, {-10, 10}, "... to here");
  auto selection = in.in(&QuantisedPromptOptions::selection);
  selection.choice("selection", &nn::SelectionOptions::rule, {"quantised", "soft", "nearest_key"},
                   "the entry nearest to the weighted sum, the sum itself, or the entry of the largest score");
  selection.choice("estimator", &nn::SelectionOptions::estimator, {"straight_through", "stop_gradient"},
                   "gradients of quantised prompts: to the sum, or to the entry alone (cross-entropy then moves no key)");
  selection.real("temperature", &nn::SelectionOptions::temperature, {1e-6, 1e6}, "of the softmax over scores (tau)");
  auto terms = in.in(&QuantisedPromptOptions::terms);
  terms.real("lambda_commitment", &Terms::commitment, {0, 1000}, "weight of the term that draws the sum to the entry");
  terms.real("lambda_vq", &Terms::vq, {0, 1000}, "weight of the term that draws the entry to the sum");
  terms.choice("term_reduction", &Terms::reduction, {"mean", "sum"}, "over a prompt's numbers: released code mean, paper sum");
  terms.real("key_weight", &Terms::key, {0, 1000}, "weight of the cosine of query and taken key, as in L2P (ablation); 0: none");
}

// What is kept of a class's features (HiDe-Prompt).
template <class T>
void add_options(Params<T>& p, nn::StatisticsOptions T::*kept) {
  using Kept = nn::StatisticsOptions;
  auto in = p.in(kept);
  in.choice("statistics", &Kept::statistics, {"multi_centroid", "variance", "covariance"}, "what is kept of a class's features");
  in.integer("centroids", &Kept::centroids, {1, 1000}, "statistics multi_centroid: clusters per class, each with its variances");
  in.real("ridge", &Kept::ridge, {0, 100}, "added to the variances that features are drawn with");
}

}  // namespace clb
