// Options of nn's building blocks as parameters of a method: each group once, so that every method that has the block declares it alike.
#pragma once

#include <clb/nn/class_gaussians.hpp>
#include <clb/nn/codebook.hpp>
#include <clb/nn/expert_gate.hpp>
#include <clb/nn/fit.hpp>
#include <clb/nn/knowledge_pool.hpp>
#include <clb/nn/mixup.hpp>
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

// What is drawn of a pool of knowledge about old classes, and training on that alone (APG).
struct KnowledgeOptions {
  nn::PoolDrawOptions draw = {};
  nn::FitOptions tune = {};
  int64_t tune_epochs_more = 5;  // with each task
};

template <class T>
void add_options(Params<T>& p, KnowledgeOptions T::*known) {
  using Draw = nn::PoolDrawOptions;
  using Fit = nn::FitOptions;
  auto in = p.in(known);
  auto draw = in.in(&KnowledgeOptions::draw);
  draw.choice("covariance", &Draw::covariance, {"full", "diagonal"}, "of the pool's normal distributions");
  draw.integer("pool_items", &Draw::items, {1, 65536}, "classes drawn for each update");
  draw.integer("pool_each", &Draw::each, {1, 1024}, "rows of each");
  draw.integer("pool_per_class", &Draw::per_class, {1, 1e6}, "classes drawn in an epoch of fine-tuning, times the classes seen");
  auto tune = in.in(&KnowledgeOptions::tune);
  tune.integer("tune_epochs", &Fit::epochs, {0, 100000}, "epochs of fine-tuning ...");
  in.integer("tune_epochs_more", &KnowledgeOptions::tune_epochs_more, {0, 1000}, "... and so many more with each task");
  tune.integer("tune_warmup_epochs", &Fit::warmup_epochs, {0, 100000}, "epochs of it in which the rate rises");
  tune.real("tune_lr", &Fit::lr, {0, 100}, "learning rate of fine-tuning");
  tune.real("tune_warmup_lr", &Fit::warmup_lr, {0, 100}, "where it begins");
  tune.real("tune_min_lr", &Fit::min_lr, {0, 100}, "where it ends");
}

// Images that are mixed, and soft labels.
template <class T>
void add_options(Params<T>& p, nn::MixOptions T::*mix) {
  using Mix = nn::MixOptions;
  auto in = p.in(mix);
  in.real("mixup", &Mix::mixup, {0, 100}, "alpha of mixup; 0: none");
  in.real("cutmix", &Mix::cutmix, {0, 100}, "alpha of CutMix; 0: none");
  in.real("cutmix_share", &Mix::cutmix_share, {0, 1}, "share of batches with CutMix, where there are both");
  in.real("smoothing", &Mix::smoothing, {0, 0.999}, "label smoothing");
}

// The gate of PromptFusion-Lite.
template <class T>
void add_options(Params<T>& p, nn::ExpertGateOptions T::*gate) {
  using Gate = nn::ExpertGateOptions;
  auto in = p.in(gate);
  in.integer("gate_hidden", &Gate::hidden, {1, 65536}, "lite: hidden units of the gate");
  in.real("gate_temperature", &Gate::temperature, {0.01, 100}, "lite: temperature of the gate's Gumbel softmax");
  in.real("gate_rate", &Gate::rate, {0, 1}, "lite: part of the images that the booster should be asked for (gamma)");
  in.real("rate_weight", &Gate::rate_weight, {0, 1000}, "lite: weight of the squared distance to gate_rate (Lambda)");
  in.real("drift_weight", &Gate::drift_weight, {0, 1000}, "lite: weight of holding the gate to that of the task before (Delta)");
  in.flag("teacher_tanh", &Gate::teacher_tanh, "lite: the gate of the task before has its tanh; as released it has none");
}

}  // namespace clb
