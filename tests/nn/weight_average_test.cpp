// Averages of weights against their closed forms.
#include <clb/nn/error.hpp>
#include <clb/nn/heads.hpp>
#include <clb/nn/weight_average.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::any_numbers;
using golden::parameters_of;
using torch::Tensor;

GrowingLinear head_of(int64_t classes, double all = 0) {
  GrowingLinear head({.dim = 4, .init = HeadInit::torch_linear()}, any_numbers());
  head.grow(classes);
  const torch::NoGradGuard no_grad;
  if (all != 0) head.parameters([&](const std::string&, Tensor& t) { t.fill_(all); });
  return head;
}

TEST(WeightAverage, MovesTowardsWhatStandsStillByTheClosedForm) {
  constexpr double kDecay = 0.9;
  constexpr int kUpdates = 7;
  GrowingLinear average = head_of(3), module = head_of(3, 2.5), start = copy_of(average);
  for (int k = 0; k < kUpdates; ++k) update_average(average, module, kDecay);
  const double kept = std::pow(kDecay, kUpdates);
  for (auto& [name, t] : parameters_of(average)) {
    EXPECT_TRUE(torch::allclose(t, kept * parameters_of(start)[name] + (1 - kept) * 2.5, 1e-6, 1e-6)) << name;
    EXPECT_TRUE(t.requires_grad()) << name;
  }
  EXPECT_TRUE(torch::equal(parameters_of(module)["weight"], torch::full({3, 4}, 2.5))) << "what is averaged was written to";
}

TEST(WeightAverage, DecayOneKeepsAndZeroCopies) {
  GrowingLinear average = head_of(3), module = head_of(3, 2.5), start = copy_of(average);
  update_average(average, module, 1);
  EXPECT_TRUE(torch::equal(parameters_of(average)["weight"], parameters_of(start)["weight"]));
  update_average(average, module, 0);
  for (auto& [name, t] : parameters_of(average)) EXPECT_TRUE(torch::equal(t, parameters_of(module)[name])) << name;
}

TEST(WeightAverage, TheMeanOfSnapshots) {
  GrowingLinear mean = head_of(3, 1);  // the first snapshot
  int64_t count = 1;
  for (const double next : {5.0, 9.0, -3.0}) {
    GrowingLinear module = head_of(3, next);
    add_to_mean(mean, module, count++);
  }
  EXPECT_TRUE(torch::allclose(parameters_of(mean)["bias"], torch::full({3}, 3.0)));
}

TEST(WeightAverage, OfOtherParametersIsAMistake) {
  GrowingLinear average = head_of(3), larger = head_of(4);
  EXPECT_THROW(update_average(average, larger, 0.5), Error);
  CosineHead other({.dim = 4}, any_numbers());  // has no bias
  EXPECT_THROW(update_average(average, other, 0.5), Error);
  EXPECT_THROW(update_average(other, average, 0.5), Error);
}

}  // namespace
}  // namespace clb::nn
