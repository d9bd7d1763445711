// Learned weights of old and new classes in the loss of a batch that holds replayed samples (PromptFusion, Chen et al., ECCV 2024): the
// log-probability of a class of the task is multiplied with sigmoid(alpha), that of any other with theta / sigmoid(beta). alpha and beta
// have a number for each place in a batch and each class.
#pragma once

#include <clb/nn/module.hpp>
#include <vector>

namespace clb::nn {

class ReplayWeights final : public Module {
 public:
  ReplayWeights() = default;
  explicit ReplayWeights(int64_t batch_size);  // of the largest batch

  // The task with this index, counted from 0, of these classes: theta is half of it. alpha goes on where as many classes had one, beta
  // starts anew; both start at 1.
  void begin_task(int64_t index, const std::vector<int64_t>& labels, int64_t classes_seen);

  torch::Tensor of(int64_t samples) const;  // [samples, classes]
  // The mean of -weight log softmax(logits) at the labels: [n, classes], [n].
  torch::Tensor loss(const torch::Tensor& logits, const torch::Tensor& labels) const;

  torch::Tensor alpha, beta;  // [batch size, classes of the task], [batch size, others]

 private:
  void parts(Parts& p) override { p("alpha", alpha)("beta", beta); }

  double theta_ = 0;
  torch::Tensor place_;  // [classes]: where a class is among the others, followed by those of the task
};

}  // namespace clb::nn
