#include "clb/nn/weight_average.hpp"

#include <clb/nn/error.hpp>

namespace clb::nn {

using torch::Tensor;

void update_average(Module& average, Module& module, double decay) {
  const torch::NoGradGuard no_grad;
  std::vector<std::pair<std::string, Tensor>> now;
  module.parameters([&](const std::string& name, Tensor& t) { now.emplace_back(name, t); });
  size_t k = 0;
  average.parameters([&](const std::string& name, Tensor& t) {
    if (k == now.size() || now[k].first != name || now[k].second.sizes() != t.sizes())
      throw Error(ErrorKind::kInternal,
                  "an average has a parameter " + name + " that what it averages does not have in this place and size");
    t.mul_(decay).add_(now[k++].second, 1 - decay);
  });
  if (k != now.size()) throw Error(ErrorKind::kInternal, "an average lacks the parameter " + now[k].first + " of what it averages");
}

}  // namespace clb::nn
