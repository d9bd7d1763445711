// What a prediction may depend on: the sample, and nothing else.
#include <clb/meta.h>

#include <c10/util/StringUtil.h>

#include <clb/session/near_ties.hpp>

#include "checks.hpp"

namespace clb::session::conformance {

void expect_same_predictions(const torch::Tensor& want, const torch::Tensor& got, const std::string& when) {
  const double bound = near_tie_bound(want, "fp32");
  const double error = (want - got).abs().max().item<double>();
  if (error > bound)
    throw Failure{c10::str("logits change by up to ", error, " (largest logit ", want.abs().max().item<double>(), ") ", when)};
  if (want.size(1) < 2) return;
  const auto best = std::get<0>(want.topk(2, 1));
  const auto clear = (best.select(1, 0) - best.select(1, 1)).gt(bound);
  const auto flipped = want.argmax(1).ne(got.argmax(1)).logical_and(clear).sum().item<int64_t>();
  if (flipped > 0) throw Failure{c10::str(flipped, " predictions change ", when)};
}

std::string batch_invariance(const Subject& subject) {
  Rig rig(subject);
  for (int64_t t = 0; t < rig.tasks(); ++t) rig.learn(t);
  const auto want = rig.logits({.batch_size = 64});
  expect_same_predictions(want, rig.logits({.batch_size = 1}), "when samples come one at a time");
  expect_same_predictions(want, rig.logits({.batch_size = 7}), "with batches of 7");
  expect_same_predictions(want, rig.logits({.batch_size = 7, .shuffled = true}), "with other neighbours in the batch");
  std::vector<int64_t> half;
  for (int64_t row = 0; row < rig.test_samples(); row += 2) half.push_back(row);
  const auto rows = torch::tensor(half, torch::kInt64);
  const auto got = rig.logits({.batch_size = 64, .only = half}).index_select(0, rows);
  expect_same_predictions(want.index_select(0, rows), got, "when half of the test samples are left out");
  return "";
}

std::string task_blindness(const Subject& subject) {
  Rig rig(subject);
  for (int64_t t = 0; t < rig.tasks(); ++t) rig.learn(t);
  const auto want = rig.logits();
  const auto ids = torch::arange(rig.test_samples()).remainder(rig.tasks());
  if (!torch::equal(rig.logits({.task_ids = ids}), want))
    throw Failure{"logits depend on the task ids of test samples, which is not claimed"};
  return "";
}

// Sums over samples do not care which classes came first: the same samples in another class order give the same logits per class.
std::string label_permutation(const Subject& subject) {
  const std::vector<int64_t> order{7, 2, 8, 0, 5, 1, 6, 3, 4};
  Rig one(subject), other(subject, {.class_order = order});
  one.learn_all();
  other.learn_all();
  expect_same_predictions(one.logits().index_select(1, torch::tensor(order, torch::kInt64)), other.logits(), "with another class order");
  return "";
}

}  // namespace clb::session::conformance
