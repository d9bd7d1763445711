#include "clb/nn/energy.hpp"

#include <clb/nn/error.hpp>
#include <clb/nn/key_choice.hpp>
#include <set>

namespace clb::nn {

using torch::Tensor;

Tensor free_energy(const Tensor& logits, double beta) { return -at::logsumexp(beta * logits, {1}) / beta; }

Tensor energy_scores(const std::vector<Tensor>& logits, double temperature) {
  std::vector<Tensor> scores;
  for (const Tensor& z : logits) scores.push_back(at::logsumexp(z / temperature, {1}));
  return at::stack(scores, 1);
}

Tensor energy_vote(const std::vector<Tensor>& logits, double temperature) {
  return first_largest(energy_scores(logits, temperature), 1).squeeze(1);
}

Tensor most_voted(const Tensor& votes, int64_t m) {
  const Tensor counts = torch::zeros({votes.size(0), m}, votes.options()).scatter_add_(1, votes, torch::ones_like(votes));
  return first_largest(counts, 1).squeeze(1);
}

Tensor elected(const std::vector<Tensor>& logits, const std::vector<double>& temperatures) {
  if (temperatures.empty()) throw Error(ErrorKind::kInternal, "an election without temperatures: nobody votes");
  std::vector<Tensor> votes;
  for (const double t : std::set<double>(temperatures.begin(), temperatures.end())) votes.push_back(energy_vote(logits, t));
  return most_voted(at::stack(votes, 1), static_cast<int64_t>(logits.size()));
}

}  // namespace clb::nn
