#include "clb/nn/input_recorder.hpp"

#include <algorithm>
#include <clb/nn/error.hpp>

namespace clb::nn {

using torch::Tensor;

InputRecorder::InputRecorder(std::vector<int64_t> blocks, const std::vector<std::string>& sites) {
  for (const int64_t block : blocks) {
    for (const std::string& name : sites) {
      const Site site = linear_site(name, 1, 1).site;  // whatever the sizes are
      const bool known = std::any_of(places_.begin(), places_.end(), [&](const Place& p) { return p.site == site && p.block == block; });
      if (!known) places_.push_back({site, block, {}});
    }
  }
}

const InputRecorder::Place& InputRecorder::place(int64_t block, const std::string& name) const {
  const Site site = linear_site(name, 1, 1).site;
  for (const Place& p : places_)
    if (p.site == site && p.block == block) return p;
  throw Error(ErrorKind::kInvalid, "inputs of " + name + " in block " + std::to_string(block) + " are not recorded");
}

Tensor InputRecorder::moment(int64_t block, const std::string& site) const {
  const Place& p = place(block, site);
  return p.count > 0 ? p.sum / p.count : Tensor();
}

double InputRecorder::count(int64_t block, const std::string& site) const { return place(block, site).count; }

Tensor InputRecorder::at(Site site, int64_t block, const Tensor& x, const Tensor& y) const {
  for (Place& p : places_) {
    if (p.site != site || p.block != block) continue;
    const torch::NoGradGuard no_grad;
    const Tensor rows = x.detach().flatten(0, -2).to(torch::kFloat64);  // [tokens, in]
    const Tensor products = rows.t().matmul(rows);
    const std::scoped_lock lock(*mutex_);
    p.sum = p.sum.defined() ? p.sum + products : products;
    p.count += static_cast<double>(rows.size(0));
  }
  return y;
}

}  // namespace clb::nn
