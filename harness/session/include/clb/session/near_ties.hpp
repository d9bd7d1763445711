// Which classes the best one of a row of logits cannot be told from, as other batches would round them: the rule of `clbench validate` and
// of the second look (base/second_look.hpp has its numbers).
#pragma once

#include <torch/types.h>
#include <torch/utils.h>

#include <clb/base/second_look.hpp>
#include <cmath>

namespace clb::session {

// How far below the best one a logit of [n, classes] may be. -inf (a class that is masked) does not count as large.
inline double near_tie_bound(const torch::Tensor& logits, const std::string& precision) {
  const auto size = torch::where(logits.isfinite(), logits, torch::zeros_like(logits)).abs();
  return size.numel() == 0 ? 0 : base::near_tie(precision) * size.max().item<double>();
}

// [n, classes] bool: the best class of each row and those in a near tie with it.
inline torch::Tensor near_best(const torch::Tensor& logits, const std::string& precision) {
  return logits.ge(std::get<0>(logits.max(1, true)) - near_tie_bound(logits, precision));
}

}  // namespace clb::session
