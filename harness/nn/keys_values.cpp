#include <clb/nn/attention.hpp>
#include <clb/nn/prompt_tokens.hpp>

#include "clb/nn/injection.hpp"

namespace clb::nn {

using torch::Tensor;

KeysValues::KeysValues(Tensor keys, Tensor values)
    : keys_(std::move(keys)), values_(std::move(values)), inserted_(static_cast<size_t>(keys_.size(1)), false) {}

void KeysValues::insert(int64_t at, const Tensor& keys, const Tensor& values) {
  keys_ = insert_rows(keys_, at, keys);
  values_ = insert_rows(values_, at, values);
  inserted_.insert(inserted_.begin() + at, static_cast<size_t>(keys.size(-2)), true);
}

Tensor KeysValues::causal_mask() const {
  const auto own = static_cast<int64_t>(std::count(inserted_.begin(), inserted_.end(), false));
  if (own == keys_.size(1)) return nn::causal_mask(own, own, keys_.device());
  std::vector<int64_t> token;  // of each row; -1: inserted
  for (int64_t own_so_far = 0; const bool inserted : inserted_) token.push_back(inserted ? -1 : own_so_far++);
  const Tensor keys = torch::tensor(token, keys_.device()), queries = torch::arange(own, keys.options());
  return keys.unsqueeze(0) <= queries.unsqueeze(1);
}

}  // namespace clb::nn
