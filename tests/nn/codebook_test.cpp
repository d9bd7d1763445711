// Prompts chosen by vector quantisation: what is chosen, and where gradients go.
#include <clb/nn/codebook.hpp>
#include <clb/nn/tensors.hpp>
#include <cmath>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::any_numbers;
using torch::Tensor;

// A codebook whose entries are 0, 1, ..., m - 1 throughout, and unit keys e_0, e_1, ...
Codebook counting(int64_t m, int64_t length, int64_t dim, int64_t layers = 1) {
  Codebook book({.blocks = std::vector<int64_t>(static_cast<size_t>(layers)), .entries = m, .length = length, .dim = dim}, any_numbers());
  book.parameters([&](const std::string& name, Tensor& t) {
    if (name == "prompts") t = torch::arange(m).to(torch::kFloat32).reshape({1, m, 1, 1}).expand(t.sizes()).clone().requires_grad_();
    if (name == "keys") t = torch::eye(m, dim).expand(t.sizes()).clone().requires_grad_();
  });
  return book;
}

Tensor gradient_of(Codebook& book, const char* of) {
  Tensor gradient;
  book.parameters([&](const std::string& name, Tensor& t) { gradient = name == of ? t.grad() : gradient; });
  return gradient;
}

TEST(Codebook, GradientsPassStraightThroughTheQuantiser) {
  Codebook book = counting(2, 1, 2);
  const Tensor query = torch::tensor({{std::log(0.4), std::log(0.6)}}).to(torch::kFloat32);  // weights 0.4 and 0.6
  const Selection s = book.select(query, {});
  EXPECT_NEAR(s.soft.max().item<double>(), 0.6, 1e-6);
  EXPECT_EQ(s.codes.item<int64_t>(), 1);
  EXPECT_NEAR(s.prompts.min().item<double>(), 1, 1e-6);
  (3 * s.prompts.sum()).backward();
  const Tensor gradient = gradient_of(book, "prompts").flatten();
  EXPECT_TRUE(torch::allclose(gradient, torch::tensor({1.2, 1.2, 1.8, 1.8}).to(torch::kFloat32)));
  EXPECT_GT(gradient_of(book, "keys").abs().max().item<double>(), 0);
}

TEST(Codebook, WithAStoppedGradientOnlyTheEntryMoves) {
  for (const SelectionOptions& options : {SelectionOptions{.estimator = "stop_gradient"}, SelectionOptions{.rule = "nearest_key"}}) {
    Codebook book = counting(3, 2, 4, 2);
    const Tensor query = at::randn({5, 4}, at::detail::createCPUGenerator(1));
    const Selection s = book.select(query, options);
    s.prompts.sum().backward();
    EXPECT_FALSE(gradient_of(book, "keys").defined()) << "the keys have no part in what the network gets";
    const Tensor taken = at::one_hot(s.codes, 3).sum(1).to(torch::kFloat32);  // [layers, entries]
    EXPECT_TRUE(torch::allclose(gradient_of(book, "prompts").mean({2, 3}), taken));
  }
}

TEST(Codebook, TheNearestEntryIsTakenAndOfEquallyNearOnesTheFirst) {
  Codebook tie = counting(10, 4, 16);
  const Tensor query = 1e4 * torch::eye(16).narrow(0, 2, 1) + 1e4 * torch::eye(16).narrow(0, 3, 1);  // halfway between entries 2 and 3
  EXPECT_EQ(tie.select(query, {}).codes.item<int64_t>(), 2);

  const Codebook book({.blocks = {0, 1, 2}, .entries = 7, .length = 4, .dim = 12}, any_numbers());
  const Selection s = book.select(4 * at::randn({9, 12}, at::detail::createCPUGenerator(2)), {});
  const Tensor plain = (s.soft.unsqueeze(2) - book.prompts().unsqueeze(1)).square().sum({3, 4});  // [l, n, m]
  EXPECT_TRUE(torch::allclose(s.distances.to(torch::kFloat32), plain, 1e-4, 1e-5));
  EXPECT_TRUE(torch::equal(s.codes, plain.argmin(-1)));
  EXPECT_LE((s.prompts - s.hard).abs().max().item<double>(), 1e-6);
  for (int64_t l = 0; l < 3; ++l)
    EXPECT_TRUE(torch::equal(s.hard[l], book.prompts()[l].index_select(0, s.codes[l]))) << "an entry, bit for bit";
}

TEST(Codebook, ALongQueryAlongAKeyTakesItsEntryAndLeavesNothingToLearn) {
  Codebook book({.blocks = {0, 1}, .entries = 5, .length = 2, .dim = 8}, any_numbers());
  const Tensor keys = golden::parameters_of(book).at("keys")[0], query = 1e4 * unit_rows(keys);
  const Selection s = book.select(query, {});
  EXPECT_TRUE(torch::equal(s.codes[0], torch::arange(5)));
  const CodebookTerms terms = codebook_terms(s, query, {});
  EXPECT_LE(terms.commitment[0].item<double>(), 1e-9);
  EXPECT_LE(terms.vq[0].item<double>(), 1e-9);

  // The length of keys says nothing, that of the query is a temperature.
  Codebook longer = book;
  longer.parameters([](const std::string& name, Tensor& t) {
    if (name == "keys") t = 7 * t.detach();
  });
  const Tensor some = at::randn({6, 8}, at::detail::createCPUGenerator(3));
  const Tensor weights = book.select(some, {}).weights;
  EXPECT_TRUE(torch::allclose(longer.select(some, {}).weights, weights, 1e-5, 1e-6));
  EXPECT_FALSE(torch::allclose(book.select(2 * some, {}).weights, weights, 1e-3, 1e-3));
  EXPECT_TRUE(torch::allclose(book.select(2 * some, {.temperature = 2}).weights, weights, 1e-5, 1e-6));
}

TEST(Codebook, APoolOfOneHasNothingToChooseAndNothingToQuantise) {
  Codebook book({.blocks = {0, 1}, .entries = 1, .length = 2, .dim = 6}, any_numbers());
  const Tensor query = at::randn({4, 6}, at::detail::createCPUGenerator(3));
  const Selection s = book.select(query, {});
  EXPECT_TRUE(torch::equal(s.weights, torch::ones({2, 4, 1})));
  EXPECT_EQ(codebook_terms(s, query, {}).sum.item<double>(), 0);
}

TEST(Codebook, EachTermMovesItsOwnSide) {
  const Tensor query = 3 * at::randn({4, 6}, at::detail::createCPUGenerator(4));
  const CodebookOptions options{.blocks = {0}, .entries = 5, .length = 2, .dim = 6};
  Codebook by_vq(options, any_numbers()), by_commitment(options, any_numbers()), by_key(options, any_numbers());

  Selection s = by_vq.select(query, {});
  codebook_terms(s, query, {.commitment = 0, .vq = 1}).sum.backward();
  const Tensor taken = at::one_hot(s.codes[0], 5).sum(0) > 0;
  EXPECT_TRUE(torch::equal(gradient_of(by_vq, "prompts")[0].abs().sum({1, 2}) > 0, taken));
  const Tensor keys = gradient_of(by_vq, "keys");
  EXPECT_TRUE(!keys.defined() || keys.eq(0).all().item<bool>());

  s = by_commitment.select(query, {});
  codebook_terms(s, query, {.commitment = 1, .vq = 0}).sum.backward();
  // d/dP_k of the mean of (soft - hard)^2 with `hard` held: what the weights hand on.
  const Tensor apart = (s.soft - s.hard).detach().flatten(2);  // [1, n, p d]
  const Tensor want = s.weights.detach().transpose(1, 2).bmm(2 * apart / static_cast<double>(apart.numel()));
  EXPECT_TRUE(torch::allclose(gradient_of(by_commitment, "prompts").flatten(2), want, 1e-4, 1e-7));
  EXPECT_GT(gradient_of(by_commitment, "keys").abs().max().item<double>(), 0);

  // Sums in place of means: times the numbers of a prompt.
  const CodebookTerms mean = codebook_terms(s, query, {}), sum = codebook_terms(s, query, {.reduction = "sum"});
  EXPECT_TRUE(torch::allclose(sum.layers, 12 * mean.layers));

  s = by_key.select(query, {});
  const CodebookTerms without = codebook_terms(s, query, {}), key = codebook_terms(s, query, {.key = 2});
  const Tensor cosines = at::cosine_similarity(query, golden::parameters_of(by_key).at("keys")[0].index_select(0, s.codes[0]), 1, 1e-12);
  EXPECT_NEAR((without.sum - key.sum).item<double>(), 2 * cosines.mean().item<double>(), 1e-5);
}

}  // namespace
}  // namespace clb::nn
