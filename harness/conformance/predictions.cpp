// What a prediction may depend on: the sample, and nothing else.
#include <clb/meta.h>

#include <c10/util/StringUtil.h>

#include <clb/session/near_ties.hpp>

#include "checks.hpp"

namespace clb::conformance {
namespace {

constexpr int64_t kServedInARow = 2100;  // twice what a class of the usual data sets has

}  // namespace

void expect_same_predictions(const torch::Tensor& want, const torch::Tensor& got, const std::string& when) {
  const double bound = session::near_tie_bound(want, "fp32");
  const double error = (want - got).abs().max().item<double>();
  if (error > bound)
    throw Failure{c10::str("logits change by up to ", error, " (largest logit ", want.abs().max().item<double>(), ") ", when)};
  if (want.size(1) < 2) return;
  const auto best = std::get<0>(want.topk(2, 1));
  const auto clear = (best.select(1, 0) - best.select(1, 1)).gt(bound);
  const auto flipped = want.argmax(1).ne(got.argmax(1)).logical_and(clear).sum().item<int64_t>();
  if (flipped > 0) throw Failure{c10::str(flipped, " predictions change ", when)};
}

// Batches of all usual sizes, so that one that adapts, votes or normalises from some size on is seen; and more samples in a row than a
// class has, so that one that counts is seen.
std::string batch_invariance(const Subject& subject) {
  Rig rig(subject, {.test_per_class = 30});
  rig.learn_all();
  const int64_t n = rig.test_samples();
  const auto want = rig.logits({.batch_size = 64});
  if (n > 1 && (want - want[0]).eq(0).all().item<bool>()) throw Failure{"all test samples get the same logits"};
  for (const int64_t size : {48, 128, 0})
    expect_same_predictions(want, rig.logits({.batch_size = size}),
                            size == 0 ? c10::str("with all ", n, " samples in one batch") : c10::str("with batches of ", size));
  expect_same_predictions(want, rig.logits({.batch_size = 64, .shuffled = true}), "with other neighbours in the batch");
  std::vector<int64_t> some, often;
  for (int64_t row = 0; row < n; row += 5) some.push_back(row);
  for (int64_t k = 0; k < kServedInARow; ++k) often.push_back(some[static_cast<size_t>(k * 7) % some.size()]);
  const auto rows = torch::tensor(some, torch::kInt64);
  const auto compare = [&](int64_t size, const std::vector<int64_t>& order, const std::string& when) {
    const auto got = rig.logits({.batch_size = size, .only = order}).index_select(0, rows);
    expect_same_predictions(want.index_select(0, rows), got, when);
  };
  compare(1, some, "when samples come one at a time");
  compare(7, some, "with batches of 7");
  compare(64, some, "when four fifths of the test samples are left out");
  compare(64, often, c10::str("after ", kServedInARow, " samples were served"));
  return "";
}

// predict() refuses another number of columns. Nothing is said of the values: a method may weigh classes against each other.
std::string some_columns(const Subject& subject) {
  Rig rig(subject);
  rig.learn_all();
  rig.logits({.columns = {1, 2, 5, 8}});
  rig.logits({.columns = {4}});
  return "";
}

std::string task_blindness(const Subject& subject) {
  Rig rig(subject);
  rig.learn_all();
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

// Nor do they care which sample of a class came first.
std::string sample_order(const Subject& subject) {
  Rig one(subject), other(subject, {.swapped_order = 1});
  one.learn_all();
  other.learn_all();
  expect_same_predictions(one.logits(), other.logits(), "when the training samples of each class come in another order");
  return "";
}

}  // namespace clb::conformance
