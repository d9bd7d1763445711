// Muon for the matrices of the blocks, AdamW for the rest. Written out here rather than taken from torch::optim: LibTorch has no Muon, and
// so all moments lie under their parameters' names in one checkpoint.
#pragma once

#include <clb/nn/module.hpp>
#include <clb/nn/weights.hpp>
#include <functional>
#include <string>
#include <vector>

namespace clb::pretrain {

struct OptimizerOptions {
  bool muon = true;  // false: everything by AdamW
  double muon_lr = 0.02, lr = 1e-3, weight_decay = 0;
  torch::ScalarType muon_type = torch::kFloat32;  // of the orthogonalisation, which bfloat16 serves as well
};

class Optimizer {
 public:
  // The module's tensors are updated in place; matrices of "blocks." by Muon.
  Optimizer(nn::Module& module, const OptimizerOptions& options);

  // One update. gradient(k) is that of the module's parameter k, float32; on the processor it is asked for on `threads` threads. `factor`
  // scales all rates: the schedule.
  void step(const std::function<torch::Tensor(size_t k)>& gradient, double factor, int threads = 1);

  // What a checkpoint keeps beside the parameters: "momentum.<name>", "first.<name>", "second.<name>", "updates".
  nn::TensorMap state() const;
  void load(const nn::TensorMap& state);

 private:
  struct Entry {
    std::string name;
    torch::Tensor parameter;
    torch::Tensor momentum;       // Muon
    torch::Tensor first, second;  // AdamW
    bool decayed = false;
  };
  void muon(Entry& entry, const torch::Tensor& gradient, double factor) const;
  void adamw(Entry& entry, const torch::Tensor& gradient, double factor) const;
  torch::Tensor direction(const torch::Tensor& momentum) const;

  OptimizerOptions options_;
  std::vector<Entry> entries_;
  int64_t updates_ = 0;
};

// The nearest semi-orthogonal matrix, roughly: all singular values of m [a, b] brought to between about 0.7 and 1.2 by five steps of a
// quintic Newton-Schulz iteration. Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024.
torch::Tensor orthogonalised(const torch::Tensor& m);

}  // namespace clb::pretrain
