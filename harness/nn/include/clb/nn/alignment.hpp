// Classifier alignment: heads that grew task by task are trained once more, all together, on features drawn from what is kept of every
// class (SLCA, Zhang et al., ICCV 2023, arXiv:2303.05118, section 3.3).
#pragma once

#include <clb/nn/class_gaussians.hpp>
#include <clb/nn/fit.hpp>
#include <clb/nn/gaussian.hpp>
#include <clb/nn/rng.hpp>
#include <functional>
#include <vector>

namespace clb::nn {

struct DrawnRows {
  torch::Tensor rows, labels;  // [n, d] float32, [n] int64
  double jitter = 0;           // the largest that a covariance needed, see lower_factor
};

// `count` rows of each distribution (of a class with several of them, of each), one after the other, on the means' device. The noise of the
// k-th comes from rng("noise.<k>").
DrawnRows draw_rows(const std::vector<ClassGaussian>& classes, int64_t count, const Rng& rng);

// In another order.
DrawnRows shuffled(const DrawnRows& drawn, torch::Generator generator);

// z / m / temperature, where m is the mean over the groups (numbers of consecutive columns, one group a task) of ||z of the group|| + 1e-7:
// tasks with larger logits lose their advantage. Gradients pass through the norms. z [n, c].
torch::Tensor normalized_logits(const torch::Tensor& z, const std::vector<int64_t>& groups, double temperature);

// One pass over the rows in batches: an update each on the cross-entropy of classify(rows).
void align(Trainer& trainer, const DrawnRows& drawn, int64_t batch_size,
           const std::function<torch::Tensor(const torch::Tensor&)>& classify);

}  // namespace clb::nn
