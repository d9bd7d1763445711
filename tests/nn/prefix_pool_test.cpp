// Pools of prefixes with keys: who is chosen, what a sample gets, the key losses. The numbers of DualPrompt and of the forms beside
// CODA-Prompt are in the test of the plugin.
#include <clb/nn/error.hpp>
#include <clb/nn/key_choice.hpp>
#include <clb/nn/prefix_pool.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

// The keys are the first unit vectors, prompt m of block b is filled with 100 b + m (keys), and 10 more (values).
PrefixPool pool_of(int64_t prompts, bool key_per_block) {
  PrefixPool pool({.blocks = {1, 3}, .prompts = prompts, .length = 2, .dim = 6, .key_per_block = key_per_block}, golden::any_numbers());
  pool.parameters([&](const std::string& name, Tensor& t) {
    if (name == "keys") t = torch::eye(prompts, 6).expand(t.sizes()).clone();
    if (name == "prefixes") {
      const auto along = [](int64_t n, std::vector<int64_t> sizes) { return torch::arange(n).to(torch::kFloat32).reshape(sizes); };
      const Tensor numbers = 100 * along(2, {2, 1, 1, 1, 1}) + 10 * along(2, {1, 2, 1, 1, 1}) + along(prompts, {1, 1, prompts, 1, 1});
      t = numbers.expand(t.sizes()).clone();
    }
    t.requires_grad_();
  });
  return pool;
}

Tensor query(const std::vector<std::vector<double>>& rows) {
  std::vector<Tensor> all;
  for (const auto& row : rows) all.push_back(torch::tensor(row).to(torch::kFloat32));
  return at::stack(all);
}

// The chapter's small cases: q = 3 e_4 + 2 e_7 and its like, here with other places.
TEST(KeyChoice, NearestAndVoted) {
  const Tensor ids = torch::tensor({{4, 7}, {4, 2}, {4, 7}});
  EXPECT_TRUE(torch::equal(voted_ids(ids, 10), torch::tensor({{4, 7}, {4, 7}, {4, 7}})));
  EXPECT_TRUE(
      torch::equal(voted_ids(torch::tensor({{3, 1}, {1, 3}}), 5), torch::tensor({{1, 3}, {1, 3}})));  // equal votes: the smaller first
  EXPECT_TRUE(torch::equal(voted_ids(torch::tensor({{2}, {1}, {1}}), 5), torch::tensor({{1}, {1}, {1}})));
  EXPECT_EQ(voted_ids(torch::zeros({3, 0}, torch::kInt64), 5).numel(), 0);
  EXPECT_TRUE(torch::equal(first_largest(torch::tensor({{0.5, 0.9, 0.5}}), 3), torch::tensor({{1, 0, 2}})));
  EXPECT_TRUE(torch::equal(count_ids(ids, 8), torch::tensor({0, 0, 1, 0, 3, 0, 0, 2})));
}

TEST(PrefixPool, KeysChooseAndSamplesGetTheirPrompts) {
  for (const bool per_block : {false, true}) {
    const PrefixPool pool = pool_of(4, per_block);
    const PrefixChoice choice = pool.nearest(query({{0, 3, 2, 0, 0, 0}, {9, 0, 0, 4, 0, 0}, {0, 1, 0, 0, 0, 0}}), 2, false);
    EXPECT_EQ(choice.ids.size(0), per_block ? 2 : 1);
    for (const Tensor& ids : choice.ids.unbind(0)) EXPECT_TRUE(torch::equal(ids, torch::tensor({{1, 2}, {0, 3}, {1, 0}})));
    const Tensor chosen = pool.chosen(choice);  // [2, 3, 2, 4, 6]
    ASSERT_EQ(chosen.sizes(), torch::IntArrayRef({2, 3, 2, 4, 6}));
    const Tensor numbers = torch::tensor({{1, 1, 2, 2}, {0, 0, 3, 3}, {1, 1, 0, 0}}).to(torch::kFloat32);
    for (int64_t block : {0, 1})
      for (int64_t values : {0, 1})
        EXPECT_TRUE(torch::equal(chosen[block].select(1, values).select(2, 5), numbers + 100 * block + 10 * values));
  }
}

TEST(PrefixPool, AVoteServesAllAndSomeKeysMayBeLeftOut) {
  const PrefixPool pool = pool_of(4, true);
  const Tensor queries = query({{0, 3, 2, 0, 0, 0}, {9, 0, 0, 4, 0, 0}, {0, 1, 0, 0, 0, 0}});
  EXPECT_TRUE(torch::equal(pool.nearest(queries, 1, true).ids, torch::ones({2, 3, 1}, torch::kInt64)));
  EXPECT_EQ(pool.nearest(queries, 1, false, 1).ids.max().item<int64_t>(), 0);
  const PrefixChoice given = pool.given(queries, 2, 2);
  EXPECT_TRUE(torch::equal(given.ids, torch::tensor({2, 3}).expand({2, 3, 2})));
}

// Of an odd number of samples one gets keys and values of different prompts' halves; alone in its batch a sample gets its own.
TEST(PrefixPool, TheLegacyLayoutMixesTheBatch) {
  const PrefixPool pool = pool_of(4, false);
  const Tensor queries = query({{1, 0, 0, 0, 0, 0}, {0, 1, 0, 0, 0, 0}, {0, 0, 1, 0, 0, 0}});
  const Tensor chosen = pool.chosen(pool.nearest(queries, 1, false), true).select(3, 0).select(3, 0);  // [2, 3, 2]
  EXPECT_TRUE(torch::equal(chosen[0], torch::tensor({{0, 1}, {2, 10}, {11, 12}}).to(torch::kFloat32)));
  const PrefixChoice alone = pool.nearest(queries.narrow(0, 1, 1), 1, false);
  EXPECT_TRUE(torch::equal(pool.chosen(alone, true), pool.chosen(alone, false)));
}

TEST(PrefixPool, KeyLosses) {
  const PrefixPool pool = pool_of(4, true);
  const PrefixChoice choice = pool.nearest(query({{3, 4, 0, 0, 0, 0}, {0, 0, 5, 0, 0, 12}}), 1, false);  // cosines 0.8 and 5 / 13
  const double second = 5.0 / 13;
  EXPECT_NEAR(choice.similarity().item<double>(), 2 * (0.8 + second) / 2, 1e-6);
  EXPECT_NEAR(choice.distance().item<double>(), 2 * (2 - 0.8 - second), 1e-6);
  // Every sample against keys 1 and 2: cosines 0.8 and 0, 0 and 5 / 13.
  EXPECT_NEAR(choice.crossed_distance().item<double>(), 2 * (4 - 0.8 - second), 1e-6);
}

TEST(PrefixPool, PromptsAreCopiedAndKeysAreNot) {
  PrefixPool pool = pool_of(4, false);
  const auto tensor = [&](const char* wanted) {
    Tensor found;
    pool.parameters([&](const std::string& name, Tensor& t) { found = name == wanted ? t.detach().clone() : found; });
    return found;
  };
  const Tensor keys = tensor("keys");
  pool.copy_prompts(0, 2, 2);
  EXPECT_TRUE(torch::equal(tensor("prefixes").narrow(2, 2, 2), tensor("prefixes").narrow(2, 0, 2)));
  EXPECT_TRUE(torch::equal(tensor("keys"), keys));
  EXPECT_THROW(pool.copy_prompts(0, 3, 2), Error);
}

TEST(PrefixPool, PromptsWithoutRowsOrBlocks) {
  PrefixPool pool({.blocks = {}, .prompts = 3, .length = 0, .dim = 6, .key_per_block = true}, golden::any_numbers());
  const PrefixChoice choice = pool.nearest(torch::rand({5, 6}), 1, true);
  EXPECT_EQ(pool.chosen(choice).sizes(), torch::IntArrayRef({0, 5, 2, 0, 6}));
}

}  // namespace
}  // namespace clb::nn
