#include "clb/nn/module.hpp"

#include <algorithm>
#include <clb/base/sha256.hpp>

namespace clb::nn {

using torch::Tensor;

void Part::parameters(const ParameterVisitor& visit) {
  whole_->parameters([&](const std::string& name, Tensor& t) {
    if (std::any_of(prefixes_.begin(), prefixes_.end(), [&](const std::string& prefix) { return name.starts_with(prefix); }))
      visit(name, t);
  });
}

void freeze(Module& module) {
  module.parameters([](const std::string&, Tensor& t) { t = t.detach(); });
}

void unfreeze(Module& module) {
  module.parameters([](const std::string&, Tensor& t) { t = t.detach().to(torch::kFloat32).requires_grad_(); });
}

std::vector<Tensor> trained_tensors(Module& module) {
  std::vector<Tensor> tensors;
  module.parameters([&](const std::string&, Tensor& t) {
    if (t.requires_grad()) tensors.push_back(t);
  });
  return tensors;
}

int64_t trained_numbers(Module& module) {
  int64_t count = 0;
  for (const Tensor& t : trained_tensors(module)) count += t.numel();
  return count;
}

void move_to(Module& module, torch::Device device) {
  module.parameters([&](const std::string&, Tensor& t) {
    if (t.device() != device) t = t.detach().to(device).requires_grad_(t.requires_grad());
  });
}

std::array<uint8_t, 32> content_hash(Module& module) {
  base::Sha256 hash;
  module.parameters([&](const std::string& name, Tensor& t) {
    const Tensor bytes = t.detach().cpu().contiguous();
    hash.update_u64(name.size()).update(name).update_u64(static_cast<uint64_t>(t.scalar_type()));
    for (int64_t size : t.sizes()) hash.update_u64(static_cast<uint64_t>(size));
    hash.update(std::span(static_cast<const uint8_t*>(bytes.const_data_ptr()), bytes.nbytes()));
  });
  return hash.finish();
}

void update_average(Module& average, Module& module, double decay) {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> now;
  module.parameters([&](const std::string&, Tensor& t) { now.push_back(t); });
  size_t k = 0;
  average.parameters([&](const std::string&, Tensor& t) { t.mul_(decay).add_(now.at(k++), 1 - decay); });
}

void unshare(Module& module) {
  module.parameters([](const std::string&, Tensor& t) { t = t.detach().clone().requires_grad_(t.requires_grad()); });
}

}  // namespace clb::nn
