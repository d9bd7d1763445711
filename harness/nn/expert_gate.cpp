#include "clb/nn/expert_gate.hpp"

#include <clb/nn/gumbel.hpp>

namespace clb::nn {

using torch::Tensor;

ExpertGate::ExpertGate(int64_t dim, const ExpertGateOptions& options, const Rng& rng)
    : fc1(Linear::drawn(options.hidden, dim, [&](const std::string& name) { return rng("fc1/" + name); })),
      fc2(Linear::drawn(2, options.hidden, [&](const std::string& name) { return rng("fc2/" + name); })),
      options_(options) {}

Tensor ExpertGate::likelier(const Tensor& logits) { return straight_through(logits); }

Tensor ExpertGate::drawn(const Tensor& logits, torch::Generator generator) const {
  return straight_through(soft(logits, uniform(logits.sizes(), 0, 1, std::move(generator)).to(logits.device())));
}

Tensor ExpertGate::soft(const Tensor& logits, const Tensor& u) const {
  return ((logits + gumbel_noise(u)) / options_.temperature).softmax(1);
}

Tensor ExpertGate::rate_error(const Tensor& choice) const { return (choice.select(1, 0).mean() - options_.rate).square(); }

Tensor ExpertGate::penalty(const Tensor& x, const Tensor& logits, const Tensor& choice, const ExpertGate* before) const {
  const Tensor rate = options_.rate_weight * rate_error(choice);
  return before == nullptr ? rate : rate + options_.drift_weight * gate_drift(before->as_teacher(x), logits);
}

Tensor gate_drift(const Tensor& teacher, const Tensor& gate) {
  const Tensor p = (teacher / 2).softmax(1);
  return (p * (p.log() - (gate / 2).log_softmax(1))).sum(1).mean();
}

Tensor gated(const Tensor& first, const Tensor& second, const Tensor& choice) {
  return (first + second) * choice.narrow(1, 0, 1) + first * choice.narrow(1, 1, 1);
}

}  // namespace clb::nn
