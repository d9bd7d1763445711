#include "clip_trainer.hpp"

#include <torch/csrc/autograd/autograd.h>

#include <clb/base/error.hpp>
#include <clb/nn/loss.hpp>
#include <clb/nn/parallel.hpp>
#include <cmath>

#include "batch_tensors.hpp"

namespace clb::pretrain {
namespace {

using torch::Tensor;

const double kMostScale = std::log(100.0);  // of the logarithm, as in CLIP

template <class T>
Tensor tensor_of(const std::vector<T>& values, torch::IntArrayRef sizes, torch::ScalarType type) {
  return torch::from_blob(const_cast<T*>(values.data()), sizes, type).clone();
}

nn::Clip moved_clip(const Recipe& recipe, torch::Device device) {
  nn::Clip clip = initial_clip(recipe, tokens_of(*recipe.text).size());
  nn::move_to(clip, device);
  return clip;
}

// Features of one slice of a batch, with the graph behind them.
struct SliceFeatures {
  Tensor image, text;
};

// Features of the whole batch as leaves, their loss and its gradients.
struct Loss {
  Tensor loss, logits;
  std::vector<Tensor> gradients;  // of image features, text features, logit_scale
};

Loss loss_of(const std::vector<SliceFeatures>& parts, const Tensor& scale, const Tensor& truth) {
  const torch::AutoGradMode with_gradients(true);
  std::vector<Tensor> images, texts;
  for (const SliceFeatures& part : parts) {
    images.push_back(part.image.detach());
    texts.push_back(part.text.detach());
  }
  const Tensor image = at::cat(images).requires_grad_(), text = at::cat(texts).requires_grad_();
  const Tensor logits = scale.exp() * at::mm(image, text.t());  // [n, n]
  const Tensor loss = nn::paired_cross_entropy(logits, truth);  // every sentence that is true of an image is an answer
  return {loss.detach(), logits.detach(), torch::autograd::grad({loss}, {image, text, scale})};
}

}  // namespace

ClipTrainer::ClipTrainer(const Recipe& recipe, torch::Device device, int threads)
    : recipe_(recipe),
      device_(device),
      type_(recipe.training.precision == "bf16" ? torch::kBFloat16 : torch::kFloat32),
      threads_(threads),
      images_(recipe),
      clip_(moved_clip(recipe, device)),
      optimizer_(clip_, {.muon = recipe.training.optimizer == "muon",
                         .muon_lr = recipe.training.muon_lr,
                         .lr = recipe.training.lr,
                         .weight_decay = recipe.training.weight_decay,
                         .muon_type = type_}),
      sums_(torch::zeros({5}, torch::kFloat64)) {}

void ClipTrainer::begin() {
  const int64_t size = recipe_.training.batch_size;
  batches_.emplace([this, size](int64_t b) { return images_.batch(b * size, size); }, updates_, recipe_.updates(), threads_);
}

void ClipTrainer::update() { step(batches_->next()); }

void ClipTrainer::step(const Captioned& batch) {
  const int64_t n = recipe_.training.batch_size, slice = device_.is_cpu() ? recipe_.training.slice : n;
  const Tensor images =
      tensor_of(batch.pixels, {n, 3, formula::kSide, formula::kSide}, torch::kUInt8).to(device_).to(torch::kFloat32).div_(127.5).sub_(1);
  const Tensor ids = tensor_of(batch.ids, {n, batch.length}, torch::kInt64).to(device_);
  const Tensor truth = tensor_of(batch.truth, {n, n}, torch::kFloat32).to(device_);
  const Tensor kept = drops_patches(recipe_, updates_) ? kept_tokens(recipe_, batch.first, n).to(device_) : Tensor();
  nn::Clip leaves = leaves_of(clip_, type_);
  std::vector<Tensor> tensors;
  leaves.parameters([&](const std::string& name, Tensor& t) {
    if (name != "logit_scale") tensors.push_back(t);
  });

  const auto rows = [&](const Tensor& t, size_t k) { return t.defined() ? t.narrow(0, static_cast<int64_t>(k) * slice, slice) : t; };
  std::vector<SliceFeatures> parts(static_cast<size_t>(n / slice));
  std::vector<std::vector<Tensor>> gradients(parts.size());
  const auto side_by_side = [&](const std::function<void(size_t)>& compute) {
    device_.is_cpu() ? nn::side_by_side(parts.size(), compute, threads_) : compute(0);
  };
  side_by_side([&](size_t k) {
    const torch::AutoGradMode with_gradients(true);
    parts[k] = {image_features(leaves.image, rows(images, k), rows(kept, k)), text_features(leaves.text, rows(ids, k))};
  });
  const Loss loss = loss_of(parts, leaves.logit_scale, truth);
  side_by_side([&](size_t k) {
    gradients[k] =
        torch::autograd::grad({parts[k].image, parts[k].text}, tensors, {rows(loss.gradients[0], k), rows(loss.gradients[1], k)});
    parts[k] = {};
  });
  const auto gradient = [&](size_t i) {
    if (i == tensors.size()) return loss.gradients[2];  // the scale is the last parameter
    Tensor sum = gradients[0][i].to(torch::kFloat32);
    for (size_t k = 1; k < gradients.size(); ++k) sum = sum + gradients[k][i].to(torch::kFloat32);
    return sum;
  };
  optimizer_.step(gradient, factor(), threads_);
  clip_.logit_scale.clamp_(0, kMostScale);
  ++updates_;
  add(loss.loss, loss.logits, truth);
}

void ClipTrainer::add(const Tensor& loss, const Tensor& logits, const Tensor& truth) {
  const auto right = [](const Tensor& scores, const Tensor& answers) { return answers.gather(1, scores.argmax(1, true)).mean(); };
  const Tensor row =
      torch::stack({loss, right(logits, truth), right(logits.t(), truth.t()), clip_.logit_scale.exp()}).to(torch::kCPU, torch::kFloat64);
  if (!row.isfinite().all().item<bool>()) {
    throw base::Error("the loss is not finite after " + std::to_string(updates_) + " updates; lower the learning rates of the recipe",
                      base::Exit::kFailedRun);
  }
  sums_[0] += 1;
  sums_.narrow(0, 1, 4).add_(row);
}

Learner::Means ClipTrainer::take_means() {
  const auto mean = [&](int64_t k) { return sums_[k].item<double>() / std::max(1.0, sums_[0].item<double>()); };
  const Means means{{"loss", mean(1)}, {"accuracy", mean(2)}, {"sentences", mean(3)}, {"scale", mean(4)}};
  sums_.zero_();
  return means;
}

nn::TensorMap ClipTrainer::state() {
  nn::TensorMap state = optimizer_.state();
  clip_.parameters([&](const std::string& name, Tensor& t) { state["network." + name] = t; });
  state["trainer.updates"] = torch::tensor(updates_);
  state["trainer.sums"] = sums_;
  return state;
}

void ClipTrainer::load(const nn::TensorMap& state) {
  optimizer_.load(state);
  clip_.parameters([&](const std::string& name, Tensor& t) { t.copy_(state.at("network." + name)); });
  updates_ = state.at("trainer.updates").item<int64_t>();
  sums_.copy_(state.at("trainer.sums"));
}

nn::Metadata ClipTrainer::metadata() const { return {{"format", "openclip"}, {"vocabulary_sha256", recipe_.text->vocabulary_sha256}}; }

}  // namespace clb::pretrain
