// Energies of classifiers that were trained apart from each other, and an election among them: ESN (Wang et al., AAAI 2023).
#pragma once

#include <torch/types.h>

#include <vector>

namespace clb::nn {

// -logsumexp(beta z) / beta, [n, k] -> [n]: the surer a classifier of a sample, the lower.
torch::Tensor free_energy(const torch::Tensor& logits, double beta = 1);

// logsumexp(z / temperature) of each classifier, not multiplied by the temperature. logits: one [n, k] for each of m classifiers, which
// need not have equally many classes -> [n, m], in the type of the logits, which decides near ties: float32 as released.
torch::Tensor energy_scores(const std::vector<torch::Tensor>& logits, double temperature);

// The classifier with the highest score at a temperature; of equal ones the first. [n] int64
torch::Tensor energy_vote(const std::vector<torch::Tensor>& logits, double temperature);

// What the columns of votes [n, v] name most often, numbers below m; of equals the smallest. [n]
torch::Tensor most_voted(const torch::Tensor& votes, int64_t m);

// The classifier that most temperatures vote for; a temperature that is there twice has one vote. [n] int64
torch::Tensor elected(const std::vector<torch::Tensor>& logits, const std::vector<double>& temperatures);

}  // namespace clb::nn
