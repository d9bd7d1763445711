#include "clb/nn/k_means.hpp"

#include <algorithm>
#include <clb/nn/error.hpp>
#include <cmath>
#include <string>

namespace clb::nn {
namespace {

using torch::Tensor;

Tensor squared_distances(const Tensor& rows, const Tensor& centres) {  // [n, k]
  const Tensor products = rows.matmul(centres.t());
  return (rows.square().sum(1, true) - 2 * products + centres.square().sum(1)).clamp_min(0);
}

// `count` of the numbers 0, 1, ..., drawn with these weights [n].
Tensor drawn(const Tensor& weights, int64_t count, torch::Generator& generator) {
  const Tensor sums = weights.cumsum(0), at = torch::rand({count}, generator, sums.options().device(torch::kCPU)).to(sums.device());
  return at::searchsorted(sums, at * sums[-1]).clamp_max(weights.size(0) - 1);
}

// Each next centre is the one of 2 + log k drawn rows that leaves the smallest inertia; fewer than k where every row lies on a centre.
Tensor first_centres(const Tensor& rows, int64_t k, torch::Generator& generator) {
  const int64_t candidates = 2 + static_cast<int64_t>(std::log(static_cast<double>(k)));
  std::vector<Tensor> centres{rows.index_select(0, drawn(torch::ones(rows.size(0), rows.options()), 1, generator))};
  Tensor nearest = (rows - centres[0]).square().sum(1);  // [n]
  while (static_cast<int64_t>(centres.size()) < k && nearest.max().item<double>() > 0) {
    const Tensor tried = rows.index_select(0, drawn(nearest, candidates, generator));       // [candidates, d]
    const Tensor left = at::minimum(nearest.unsqueeze(1), squared_distances(rows, tried));  // [n, candidates]
    const auto best = left.sum(0).argmin().item<int64_t>();
    centres.push_back(tried.narrow(0, best, 1));
    nearest = at::minimum(nearest, (rows - centres.back()).square().sum(1));  // exactly 0 on the centre itself
  }
  return at::cat(centres);
}

// Means of the clusters; one that lost all its rows takes the row that lies farthest from its own centre.
Tensor means_of(const Tensor& rows, const Tensor& labels, Tensor distances, int64_t k) {
  Tensor sums = torch::zeros({k, rows.size(1)}, rows.options()).index_add_(0, labels, rows);
  Tensor counts = torch::zeros({k, 1}, rows.options()).index_add_(0, labels, torch::ones({rows.size(0), 1}, rows.options()));
  distances = distances.clone();
  for (int64_t c = 0; c < k; ++c) {
    if (counts[c].item<double>() > 0) continue;
    const auto far = distances.argmax().item<int64_t>();
    distances[far] = 0;
    sums[c] = rows[far];
    counts[c] = 1;
  }
  return sums / counts;
}

Clusters lloyd(const Tensor& rows, const Tensor& start, const KMeansOptions& options) {
  const double still = options.tolerance * rows.var(0, /*unbiased=*/false).mean().item<double>();
  Clusters found{.centres = start, .labels = {}};
  for (int64_t k = 0;; ++k) {
    const auto [distances, labels] = squared_distances(rows, found.centres).min(1);
    const bool same = found.labels.defined() && torch::equal(labels, found.labels);
    found.labels = labels;
    found.inertia = distances.sum().item<double>();
    if (same || k == options.iterations) return found;
    const Tensor moved = means_of(rows, labels, distances, found.centres.size(0));
    const bool settled = (moved - found.centres).square().sum().item<double>() <= still;
    found.centres = moved;
    if (settled && options.tolerance > 0) {
      const auto [last_distances, last_labels] = squared_distances(rows, moved).min(1);
      found.labels = last_labels;
      found.inertia = last_distances.sum().item<double>();
      return found;
    }
  }
}

// The rows in float64, once they are known to be rows.
Tensor checked(const Tensor& rows, int64_t clusters) {
  if (clusters < 1 || rows.dim() != 2 || rows.size(0) < 1) {
    throw Error(ErrorKind::kInvalid, "k-means of " + std::to_string(rows.dim() < 1 ? 0 : rows.size(0)) + " rows into " +
                                         std::to_string(clusters) + " clusters; 1 row and 1 cluster at least were expected");
  }
  const Tensor wide = rows.detach().to(torch::kFloat64);
  if (!wide.isfinite().all().item<bool>()) throw Error(ErrorKind::kNumeric, "k-means of features that are not finite");
  return wide;
}

}  // namespace

Clusters k_means(const Tensor& rows, const KMeansOptions& options, torch::Generator generator) {
  const torch::NoGradGuard no_grad;
  const Tensor wide = checked(rows, options.clusters);
  Clusters best = lloyd(wide, first_centres(wide, options.clusters, generator), options);
  for (int64_t k = 1; k < options.tries; ++k) {
    Clusters next = lloyd(wide, first_centres(wide, options.clusters, generator), options);
    if (next.inertia < best.inertia) best = std::move(next);
  }
  return best;
}

Clusters k_means_from(const Tensor& rows, const Tensor& centres, const KMeansOptions& options) {
  const torch::NoGradGuard no_grad;
  const Tensor wide = checked(rows, centres.dim() < 1 ? 0 : centres.size(0));
  if (centres.dim() != 2 || centres.size(1) != rows.size(1)) {
    throw Error(ErrorKind::kInvalid, "k-means of rows of " + std::to_string(rows.size(1)) + " numbers from centres of another size");
  }
  return lloyd(wide, centres.detach().to(wide.options()), options);
}

}  // namespace clb::nn
