#include "clb/nn/module.hpp"

#include <c10/util/hash.h>

#include <algorithm>

namespace clb::nn {

using torch::Tensor;

void Module::parameters(const ParameterVisitor& visit) {
  Parts walk(visit, [&](const std::string& name, Module& part) {
    part.parameters([&](const std::string& inner, Tensor& t) { visit(name.empty() ? inner : name + "." + inner, t); });
  });
  parts(walk);
}

void Module::train(bool on) {
  Parts walk([](const std::string&, Tensor&) {}, [&](const std::string&, Module& part) { part.train(on); });
  parts(walk);
}

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

std::vector<Tensor> trained_tensors(const Module& module) {
  std::vector<Tensor> tensors;
  const_cast<Module&>(module).parameters(  // visitors may replace tensors; this one does not
      [&](const std::string&, Tensor& t) {
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
  // LibTorch's own SHA-1 rather than OpenSSL's SHA-256, which would make each plugin that needs it 4 MB larger.
  std::string so_far;
  module.parameters([&](const std::string& name, Tensor& t) {
    const Tensor values = t.detach().cpu().contiguous();
    std::string text = so_far + std::to_string(name.size()) + name + c10::str(t.scalar_type(), t.sizes());
    text.append(static_cast<const char*>(values.const_data_ptr()), values.nbytes());
    so_far = c10::sha1(text).str();
  });
  std::array<uint8_t, 32> hash{};
  for (size_t k = 0; 2 * k + 1 < so_far.size(); ++k) hash[k] = static_cast<uint8_t>(std::stoi(so_far.substr(2 * k, 2), nullptr, 16));
  return hash;
}

void unshare(Module& module) {
  module.parameters([](const std::string&, Tensor& t) { t = t.detach().clone().requires_grad_(t.requires_grad()); });
}

}  // namespace clb::nn
