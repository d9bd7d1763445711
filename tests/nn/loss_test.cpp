// What losses that several methods share amount to.
#include <gtest/gtest.h>

#include <clb/nn/loss.hpp>
#include <cmath>

namespace {

// Two images of three have two answers.
TEST(Loss, OfPairsCountsEveryAnswerAlike) {
  const torch::Tensor logits = torch::tensor({{2.0, 0.0, 1.0}, {0.5, 1.0, -1.0}, {0.0, 3.0, 1.0}});
  const torch::Tensor truth = torch::tensor({{1.0, 0.0, 1.0}, {0.0, 1.0, 0.0}, {1.0, 0.0, 1.0}});
  const auto log_share = [&](int64_t row, int64_t column, bool of_row) {
    double sum = 0;
    for (int64_t k = 0; k < 3; ++k) sum += std::exp((of_row ? logits[row][k] : logits[k][column]).item<double>());
    return logits[row][column].item<double>() - std::log(sum);
  };
  double images = 0, sentences = 0;
  for (int64_t i = 0; i < 3; ++i) {
    for (int64_t j = 0; j < 3; ++j) {
      images -= truth[i][j].item<double>() / truth[i].sum().item<double>() * log_share(i, j, true) / 3;
      sentences -= truth[i][j].item<double>() / truth.select(1, j).sum().item<double>() * log_share(i, j, false) / 3;
    }
  }
  EXPECT_NEAR(clb::nn::paired_cross_entropy(logits, truth).item<double>(), (images + sentences) / 2, 1e-5);
}

// Radford et al., ICML 2021, figure 3.
TEST(Loss, OfPairsIsThatOfClipWithOneAnswerEach) {
  const torch::Tensor logits = torch::tensor({{2.0, 0.0, 1.0}, {0.5, 1.0, -1.0}, {0.0, 3.0, 1.0}}), eye = torch::eye(3),
                      own = torch::arange(3);
  const double loss = clb::nn::paired_cross_entropy(logits, eye).item<double>();
  const torch::Tensor there = at::cross_entropy_loss(logits, own), back = at::cross_entropy_loss(logits.t(), own);
  EXPECT_NEAR(loss, ((there + back) / 2).item<double>(), 1e-6);
  EXPECT_NEAR(loss, clb::nn::paired_cross_entropy(logits.t(), eye).item<double>(), 1e-6);
}

}  // namespace
