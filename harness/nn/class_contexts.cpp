#include "clb/nn/class_contexts.hpp"

#include <clb/nn/prompt_tokens.hpp>
#include <clb/nn/rng.hpp>

namespace clb::nn {

using torch::Tensor;

ClassContexts::ClassContexts(ClipText tower, int64_t length, ClassRng rng)
    : tower_(std::move(tower)),
      rng_(std::move(rng)),
      contexts_(torch::zeros({0, length, tower_.dim()})),
      features_(torch::zeros({0, tower_.features()})),
      learning_(torch::zeros({0, length, tower_.dim()})) {}

void ClassContexts::begin_task(const std::vector<int64_t>& labels, int64_t classes_seen, const Tensor& tokens) {
  const Tensor fresh = drawn(contexts_.size(0), classes_seen).to(tokens.device());
  contexts_ = at::cat({contexts_.to(tokens.device()), fresh});
  features_ = at::cat({features_.to(tokens.device()), torch::zeros({fresh.size(0), tower_.features()}, fresh.options())});
  labels_ = torch::tensor(labels, torch::dtype(torch::kInt64).device(tokens.device()));
  tokens_ = tokens;
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

Tensor ClassContexts::drawn_features(const Tensor& tokens) const { return of(tokens, drawn(0, tokens.size(0)).to(tokens.device())); }

Tensor ClassContexts::drawn(int64_t first, int64_t behind) const {
  Tensor rows = torch::empty({behind - first, contexts_.size(1), contexts_.size(2)});
  for (int64_t label = first; label < behind; ++label)
    rows[label - first].copy_(normal({contexts_.size(1), contexts_.size(2)}, 0, 0.01, rng_(label)));
  return rows;
}

Tensor ClassContexts::of(const Tensor& tokens, const Tensor& contexts) const {
  return tower_(tokens, ContextTokens(contexts)).to(torch::kFloat32);
}

}  // namespace clb::nn
