#include "optimizer.hpp"

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/nn/parallel.hpp>
#include <cmath>

namespace clb::pretrain {
namespace {

using torch::Tensor;

constexpr double kMomentum = 0.95;                          // Muon, with Nesterov's look ahead
constexpr double kBeta1 = 0.9, kBeta2 = 0.99, kEps = 1e-8;  // AdamW
constexpr int kIterations = 5;
constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;  // Jordan et al.: the steepest slope at zero that still converges

// qkv is three maps in one tensor.
bool joined(const std::string& name) { return name.ends_with("attn.qkv.weight"); }

}  // namespace

Tensor orthogonalised(const Tensor& m) {
  const bool tall = m.size(0) > m.size(1);
  Tensor x = tall ? m.t().contiguous() : m;
  x = x / (x.norm() + 1e-7);
  for (int k = 0; k < kIterations; ++k) {
    const Tensor gram = at::mm(x, x.t());                    // [a, a], a <= b
    const Tensor odd = at::addmm(gram, gram, gram, kB, kC);  // b G + c G G
    x = at::addmm(x, odd, x, kA);                            // a X + (b G + c G G) X
  }
  return tall ? x.t() : x;
}

Optimizer::Optimizer(nn::Module& module, const OptimizerOptions& options) : options_(options) {
  module.parameters([&](const std::string& name, Tensor& t) {
    Entry entry{.name = name, .parameter = t, .momentum = {}, .first = {}, .second = {}, .decayed = t.dim() == 2};
    if (options.muon && t.dim() == 2 && name.find("blocks.") != std::string::npos) {
      entry.momentum = torch::zeros_like(t);
    } else {
      entry.first = torch::zeros_like(t);
      entry.second = torch::zeros_like(t);
    }
    entries_.push_back(entry);
  });
}

Tensor Optimizer::direction(const Tensor& momentum) const {
  // Tall matrices move more, so that every output changes alike; Jordan et al.
  const double scale = std::sqrt(std::max(1.0, static_cast<double>(momentum.size(0)) / static_cast<double>(momentum.size(1))));
  return orthogonalised(momentum.to(options_.muon_type)).to(torch::kFloat32) * scale;
}

void Optimizer::muon(Entry& e, const Tensor& gradient, double factor) const {
  e.momentum.mul_(kMomentum).add_(gradient, 1 - kMomentum);
  const Tensor ahead = gradient.lerp(e.momentum, kMomentum);
  Tensor change;
  if (joined(e.name)) {
    std::vector<Tensor> parts = ahead.chunk(3);
    for (Tensor& part : parts) part = direction(part);
    change = at::cat(parts);
  } else {
    change = direction(ahead);
  }
  const double rate = options_.muon_lr * factor;
  e.parameter.mul_(1 - rate * options_.weight_decay).sub_(change, rate);
}

// Loshchilov and Hutter, ICLR 2019, algorithm 2.
void Optimizer::adamw(Entry& e, const Tensor& gradient, double factor) const {
  const auto t = static_cast<double>(updates_);
  e.first.lerp_(gradient, 1 - kBeta1);
  e.second.mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
  const Tensor deviation = e.second.sqrt().div_(std::sqrt(1 - std::pow(kBeta2, t))).add_(kEps);
  const double rate = options_.lr * factor;
  if (e.decayed) e.parameter.mul_(1 - rate * options_.weight_decay);
  e.parameter.addcdiv_(e.first, deviation, -rate / (1 - std::pow(kBeta1, t)));
}

void Optimizer::step(const std::function<Tensor(size_t)>& gradient, double factor, int threads) {
  const torch::NoGradGuard no_grad;
  ++updates_;
  const auto update = [&](size_t k) {
    Entry& e = entries_[k];
    e.momentum.defined() ? muon(e, gradient(k), factor) : adamw(e, gradient(k), factor);
  };
  if (entries_.front().parameter.is_cpu()) {
    nn::side_by_side(entries_.size(), update, threads);  // each tensor on one thread: the result does not depend on how many there are
  } else {
    for (size_t k = 0; k < entries_.size(); ++k) update(k);
  }
}

nn::TensorMap Optimizer::state() const {
  nn::TensorMap state{{"updates", torch::tensor(updates_)}};
  for (const Entry& e : entries_) {
    if (e.momentum.defined()) state["momentum." + e.name] = e.momentum;
    if (e.first.defined()) {
      state["first." + e.name] = e.first;
      state["second." + e.name] = e.second;
    }
  }
  return state;
}

void Optimizer::load(const nn::TensorMap& saved) {
  for (auto& [name, tensor] : state()) {
    const auto it = saved.find(name);
    if (it == saved.end() || it->second.sizes() != tensor.sizes()) {
      throw base::Error("the checkpoint has no tensor '" + name + "' of the size that this recipe needs; train without --resume");
    }
    if (name == "updates") {
      updates_ = it->second.item<int64_t>();
    } else {
      tensor.copy_(it->second);
    }
  }
}

}  // namespace clb::pretrain
