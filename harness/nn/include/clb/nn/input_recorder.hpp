// What comes into a network's linear operations while it passes: second moments of the inputs, from which the directions that a task uses
// are read (GPM, InfLoRA; subspace.hpp). Hung into a pass as any injection, beside others by Together; it changes nothing.
#pragma once

#include <clb/nn/injection.hpp>
#include <clb/nn/linear_site.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace clb::nn {

// Keeps [in, in] numbers for each place, however many tokens pass. Passes may run on several threads at once. Sums are in float64.
class InputRecorder final : public Injection {
 public:
  // sites: see linear_site; q, k, v and qkv have the same inputs, which are kept once. Throws Error (invalid) for another.
  InputRecorder(std::vector<int64_t> blocks, const std::vector<std::string>& sites);

  torch::Tensor moment(int64_t block, const std::string& site) const;  // mean of x x^T over all tokens [in, in]; undefined: none came
  double count(int64_t block, const std::string& site) const;          // tokens

  torch::Tensor at(Site site, int64_t block, const torch::Tensor& x, const torch::Tensor& y) const override;

 private:
  struct Place {
    Site site;
    int64_t block;
    torch::Tensor sum;  // [in, in]
    double count = 0;
  };
  const Place& place(int64_t block, const std::string& site) const;

  mutable std::vector<Place> places_;
  std::shared_ptr<std::mutex> mutex_ = std::make_shared<std::mutex>();
};

}  // namespace clb::nn
