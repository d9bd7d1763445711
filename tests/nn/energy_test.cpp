// Energies and votes on logits made by hand.
#include <clb/nn/energy.hpp>
#include <clb/nn/error.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

Tensor drawn(at::IntArrayRef sizes, uint64_t seed) { return 3 * at::randn(sizes, golden::generator(seed)); }

// Three classifiers of 3, 5 and 2 classes.
std::vector<Tensor> three(int64_t n = 200) { return {drawn({n, 3}, 1), drawn({n, 5}, 2), drawn({n, 2}, 3)}; }

TEST(Energy, OfOneLogitAndOfEqualOnes) {
  const Tensor one = torch::tensor({{2.5F}, {-4.0F}});
  EXPECT_TRUE(torch::allclose(free_energy(one), -one.squeeze(1)));
  EXPECT_TRUE(torch::allclose(free_energy(one, 3), -one.squeeze(1)));
  EXPECT_TRUE(torch::allclose(free_energy(torch::full({2, 4}, 1.5), 2), torch::full(2, -(1.5 + std::log(4.0) / 2))));
  EXPECT_TRUE(torch::allclose(energy_scores({one}, 0.5), 2 * one));
}

TEST(Energy, AConstantOnAllLogitsOfOneClassifierMovesTheElectionToIt) {
  const std::vector<double> temperatures{0.001, 0.5, 1};
  std::vector<Tensor> logits = three();
  const Tensor before = elected(logits, temperatures);
  EXPECT_GT(before.eq(1).sum().item<int64_t>(), 0);
  EXPECT_GT(before.ne(1).sum().item<int64_t>(), 0);
  logits[1] = logits[1] + 100;
  EXPECT_TRUE(elected(logits, temperatures).eq(1).all().item<bool>());
}

TEST(Energy, AtLowTemperaturesTheLargestLogitDecides) {
  const std::vector<Tensor> logits = three();
  const Tensor largest = at::stack({logits[0].amax(1), logits[1].amax(1), logits[2].amax(1)}, 1).argmax(1);
  EXPECT_TRUE(torch::equal(energy_vote(logits, 0.001), largest));
  EXPECT_FALSE(torch::equal(energy_vote(logits, 1), largest)) << "at 1 the number of large logits counts too";
}

TEST(Energy, OfEqualClassifiersTheFirst) {
  const Tensor z = drawn({20, 4}, 5);
  EXPECT_TRUE(energy_vote({z, z, z}, 0.3).eq(0).all().item<bool>());
  EXPECT_TRUE(energy_vote({z - 1, z, z}, 0.3).eq(1).all().item<bool>());
}

TEST(Energy, MostVotesAndTies) {
  const Tensor votes = torch::tensor({{2, 1, 1}, {2, 0, 1}, {3, 3, 0}}, torch::kInt64);
  EXPECT_TRUE(torch::equal(most_voted(votes, 4), torch::tensor({1, 0, 3}, torch::kInt64)));
}

TEST(Energy, ATemperatureVotesOnce) {
  // At 0.001 the second classifier wins, at 1 the first: a tie, which the first one wins, however often the other temperature is named.
  const std::vector<Tensor> logits{torch::tensor({{1.0F, 1.0F, 1.0F, 1.0F}}), torch::tensor({{1.5F, -9.0F}})};
  EXPECT_EQ(energy_vote(logits, 0.001).item<int64_t>(), 1);
  EXPECT_EQ(energy_vote(logits, 1).item<int64_t>(), 0);
  EXPECT_EQ(elected(logits, {0.001, 1, 0.001}).item<int64_t>(), 0);
  EXPECT_EQ(elected(logits, {0.001, 0.002, 1}).item<int64_t>(), 1);
  EXPECT_THROW(elected(logits, {}), Error);
}

}  // namespace
}  // namespace clb::nn
