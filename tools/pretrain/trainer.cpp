#include "trainer.hpp"

#include <torch/csrc/autograd/autograd.h>

#include <clb/base/error.hpp>
#include <clb/nn/module.hpp>
#include <clb/nn/parallel.hpp>

#include "batch_tensors.hpp"

namespace clb::pretrain {
namespace {

using torch::Tensor;

Network moved_network(const Recipe& recipe, torch::Device device) {
  Network network(recipe);
  nn::move_to(network, device);
  return network;
}

struct Part {
  Losses losses;
  std::vector<Tensor> gradients;  // of the mean over the whole batch
};

Part compute(const Network& network, const std::vector<Tensor>& leaves, const Slice& slice, int64_t batch_size) {
  const torch::AutoGradMode with_gradients(true);
  Part part;
  part.losses = network.losses(slice);
  part.gradients = torch::autograd::grad({part.losses.total / static_cast<double>(batch_size)}, leaves);
  part.losses.total = part.losses.total.detach();
  return part;
}

}  // namespace

Trainer::Trainer(const Recipe& recipe, torch::Device device, int threads)
    : recipe_(recipe),
      device_(device),
      type_(recipe.training.precision == "bf16" ? torch::kBFloat16 : torch::kFloat32),
      threads_(threads),
      network_(moved_network(recipe, device)),
      optimizer_(network_, {.muon = recipe.training.optimizer == "muon",
                            .muon_lr = recipe.training.muon_lr,
                            .lr = recipe.training.lr,
                            .weight_decay = recipe.training.weight_decay,
                            .muon_type = type_}),
      sums_(torch::zeros({7}, torch::kFloat64)) {}

void Trainer::begin() {
  painter_.emplace(recipe_.images);
  batches_.emplace(*painter_, recipe_.training.batch_size, updates_, recipe_.updates(), threads_);
}

void Trainer::update() { update(batches_->next()); }

void Trainer::update(const formula::Batch& batch) {
  const auto n = static_cast<int64_t>(batch.labels.size());
  const Slice all = moved(tensors_of(recipe_, batch, updates_), device_);
  Network leaves = network_.leaves(type_);
  const std::vector<Tensor> tensors = nn::trained_tensors(leaves);
  const int64_t slice = device_.is_cpu() ? recipe_.training.slice : n;
  std::vector<Part> parts(static_cast<size_t>(n / slice));
  const auto compute_part = [&](size_t k) { parts[k] = compute(leaves, tensors, rows_of(all, static_cast<int64_t>(k) * slice, slice), n); };
  if (device_.is_cpu()) {
    nn::side_by_side(parts.size(), compute_part, threads_);
  } else {
    compute_part(0);
  }
  const auto gradient = [&](size_t i) {
    Tensor sum = parts[0].gradients[i].to(torch::kFloat32);
    for (size_t k = 1; k < parts.size(); ++k) sum = sum + parts[k].gradients[i].to(torch::kFloat32);
    return sum;
  };
  optimizer_.step(gradient, factor(), threads_);
  ++updates_;
  sums_[0] += n;
  for (const Part& part : parts) add(part.losses);
}

void Trainer::add(const Losses& l) {
  const Tensor row = torch::stack({l.total, l.classes, l.mask, l.numbers, l.thumbnail, l.right}).to(torch::kCPU, torch::kFloat64);
  if (!row.isfinite().all().item<bool>()) {
    throw base::Error("the loss is not finite after " + std::to_string(updates_) + " updates; lower the learning rates of the recipe",
                      base::Exit::kFailedRun);
  }
  sums_.narrow(0, 1, 6).add_(row);
}

Learner::Means Trainer::take_means() {
  const auto mean = [&](int64_t k) { return sums_[k].item<double>() / std::max(1.0, sums_[0].item<double>()); };
  const Means means{{"loss", mean(1)},    {"classes", mean(2)},   {"mask", mean(3)},
                    {"numbers", mean(4)}, {"thumbnail", mean(5)}, {"accuracy", mean(6)}};
  sums_.zero_();
  return means;
}

nn::TensorMap Trainer::state() {
  nn::TensorMap state = optimizer_.state();
  network_.parameters([&](const std::string& name, Tensor& t) { state["network." + name] = t; });
  state["trainer.updates"] = torch::tensor(updates_);
  state["trainer.sums"] = sums_;
  return state;
}

void Trainer::load(const nn::TensorMap& state) {
  optimizer_.load(state);
  network_.parameters([&](const std::string& name, Tensor& t) { t.copy_(state.at("network." + name)); });
  updates_ = state.at("trainer.updates").item<int64_t>();
  sums_.copy_(state.at("trainer.sums"));
}

nn::TensorMap Trainer::weights() {
  nn::TensorMap tensors;
  network_.vit().parameters([&](const std::string& name, Tensor& t) { tensors[name] = t.detach(); });
  return tensors;
}

}  // namespace clb::pretrain
