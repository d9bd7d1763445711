#include "clb/nn/class_contexts.hpp"

#include <clb/nn/prompt_tokens.hpp>
#include <clb/nn/rng.hpp>
#include <numeric>

namespace clb::nn {

using torch::Tensor;

ClassContexts::ClassContexts(ClipText tower, int64_t length, ClassRng rng)
    : tower_(std::move(tower)),
      rng_(std::move(rng)),
      contexts_(torch::zeros({0, length, tower_.dim()})),
      features_(torch::zeros({0, tower_.features()})),
      drawn_features_(torch::zeros({0, tower_.features()})),
      learning_(torch::zeros({0, length, tower_.dim()})) {}

void ClassContexts::begin_task(const std::vector<int64_t>& labels, int64_t classes_seen, const Tensor& tokens) {
  const torch::NoGradGuard no_grad;
  std::vector<int64_t> fresh(static_cast<size_t>(classes_seen - contexts_.size(0)));
  std::iota(fresh.begin(), fresh.end(), contexts_.size(0));
  const auto grown = [&](const Tensor& rows, const Tensor& more) { return at::cat({rows, more}).to(tokens.device()); };
  const Tensor none = torch::zeros({static_cast<int64_t>(fresh.size()), tower_.features()}, features_.options());
  labels_ = torch::tensor(labels, torch::dtype(torch::kInt64).device(tokens.device()));
  tokens_ = tokens;
  contexts_ = grown(contexts_, drawn(fresh).to(contexts_.device()));
  features_ = grown(features_, none);
  drawn_features_ = grown(drawn_features_, none).index_copy(0, labels_, of(tokens, drawn(labels).to(tokens.device())));
  learning_ = contexts_.index_select(0, labels_).requires_grad_();
}

void ClassContexts::end_task() {
  const torch::NoGradGuard no_grad;
  const Tensor kept = remembered_.defined() ? remembered_ : learning_.detach();
  contexts_ = contexts_.index_copy(0, labels_, kept);
  features_ = features_.index_copy(0, labels_, of(tokens_, kept));
  learning_ = torch::zeros({0, kept.size(1), kept.size(2)}, kept.options());
  remembered_ = labels_ = tokens_ = Tensor();
}

Tensor ClassContexts::features() const {
  return learning_.size(0) == 0 ? features_ : features_.index_copy(0, labels_, of(tokens_, learning_));
}

Tensor ClassContexts::drawn(const std::vector<int64_t>& labels) const {
  const int64_t length = contexts_.size(1), width = contexts_.size(2);
  std::vector<Tensor> rows{torch::zeros({0, length, width})};
  for (const int64_t label : labels) rows.push_back(normal({1, length, width}, 0, 0.01, rng_(label)));
  return at::cat(rows);
}

Tensor ClassContexts::of(const Tensor& tokens, const Tensor& contexts) const {
  return tower_(tokens, ContextTokens(contexts)).to(torch::kFloat32);
}

}  // namespace clb::nn
