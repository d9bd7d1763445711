// Slices of a batch that pass through a network apart: what comes out, and what is learned, is what the whole batch gives.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <clb/nn/adapter.hpp>
#include <clb/nn/clip.hpp>
#include <clb/nn/error.hpp>
#include <clb/nn/lora.hpp>
#include <clb/nn/prefix.hpp>
#include <clb/nn/prompt_generators.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/nn/ssf.hpp>
#include <map>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using torch::Tensor;

constexpr int64_t kImages = 13;  // slices of 4, 4, 4 and 1
const VitShape kNetwork{.image = 64, .patch = 8, .dim = 48, .depth = 3, .heads = 3, .mlp = 192};

// Beside another injection, it keeps the batch whole.
class Unsplit final : public Injection {};

struct SlicedTrial {
  std::unique_ptr<Injection> injection;
  std::vector<Tensor> trained;
};

std::vector<SlicedTrial> sliced_trials() {
  const Rng rng = golden::any_numbers();
  std::vector<SlicedTrial> all;
  const auto add = [&](std::unique_ptr<Injection> injection, std::vector<Tensor> trained = {}) {
    if (trained.empty()) {
      injection->parameters(
          [&](const std::string& name, Tensor& t) { t = (t.detach() + normal(t.sizes(), 0, 0.1, rng(name))).requires_grad_(); });
      trained = trained_tensors(*injection);
    }
    all.push_back({std::move(injection), std::move(trained)});
  };
  add(std::make_unique<Adapter>(kNetwork, AdapterOptions{.bottleneck = 4, .dropout = 0.5}, rng));
  all.back().injection->train(true);
  add(std::make_unique<Adapter>(kNetwork, AdapterOptions{.kind = AdapterKind::kLae, .blocks = {1}, .bottleneck = 4}, rng));
  add(std::make_unique<Lora>(kNetwork, LoraOptions{.blocks = {0, 2}, .sites = {"k", "v"}, .rank = 2, .scales = true}, rng));
  add(std::make_unique<Ssf>(kNetwork, rng));
  add(std::make_unique<PromptTokens>(kNetwork, PromptTokensOptions{.length = 2, .deep = true}, rng));
  add(std::make_unique<Prefix>(kNetwork, PrefixOptions{.blocks = {1, 2}, .length = 3, .position = 1, .scales = true, .compensate = true},
                               rng));

  // What a method computed for each image, from something that is learned.
  const auto learned = [&](at::IntArrayRef sizes, const std::string& name) { return normal(sizes, 0, 1, rng(name)).requires_grad_(); };
  const auto of_images = [](const Tensor& pool) { return pool.index_select(0, torch::arange(kImages) % pool.size(0)); };
  const Tensor pool = learned({5, 4, 48}, "pool"), keys = learned({5, 3, 48}, "keys"), values = learned({3, 48}, "values");
  add(std::make_unique<PrependedPrompts>(of_images(pool) * 2), {pool});
  add(std::make_unique<PrependedPrompts>(pool[0]), {pool});
  add(std::make_unique<EmbeddedPrompts>(of_images(pool)), {pool});
  add(std::make_unique<GivenPrefix>(std::vector<int64_t>{0, 2}, std::vector<Tensor>{of_images(keys), values},
                                    std::vector<Tensor>{of_images(keys) + 1, values * 3}),
      {keys, values});
  const FilmPrompts film(kNetwork, 2, 6, rng);
  const Tensor embedding = learned({5, 6}, "embedding");
  FilmPrompts trained_film = film;
  unfreeze(trained_film);
  auto tensors = trained_tensors(trained_film);
  tensors.push_back(embedding);
  add(std::make_unique<MadePrompts>(trained_film, of_images(embedding), 2), tensors);
  return all;
}

Tensor some_images() { return at::rand({kImages, 3, 64, 64}, golden::generator(5)); }

struct SlicedResult {
  Tensor output;
  std::vector<Tensor> gradients;
};

using Compute = std::function<Tensor(const Injection& in)>;

SlicedResult result(const Compute& compute, const Injection& in, const std::vector<Tensor>& trained) {
  torch::manual_seed(7);  // dropout
  const Tensor y = compute(in);
  const Tensor weights = at::randn(y.sizes(), golden::generator(3));
  return {y.detach(), torch::autograd::grad({(y * weights).sum()}, trained, {}, /*retain_graph=*/true, /*create_graph=*/false,
                                            /*allow_unused=*/true)};
}

void expect_close(const Tensor& a, const Tensor& b, const std::string& what) {
  const double scale = b.abs().max().item<double>();
  EXPECT_LE((a - b).abs().max().item<double>(), 1e-5 * scale + 5e-6) << what;
}

void expect_same_as_whole(const Compute& compute) {
  auto all = sliced_trials();
  for (size_t k = 0; k < all.size(); ++k) {
    Unsplit whole;
    const Together uncut({all[k].injection.get(), &whole});
    ASSERT_TRUE(uncut.split({4, 9}).empty());
    ASSERT_EQ(all[k].injection->split({4, 9}).size(), 2u) << k;
    const SlicedResult a = result(compute, *all[k].injection, all[k].trained), b = result(compute, uncut, all[k].trained);
    expect_close(a.output, b.output, std::to_string(k));
    for (size_t i = 0; i < b.gradients.size(); ++i) {
      ASSERT_EQ(a.gradients[i].defined(), b.gradients[i].defined()) << k << " " << i;
      if (!b.gradients[i].defined()) continue;
      expect_close(a.gradients[i], b.gradients[i], std::to_string(k) + " " + std::to_string(i));
    }
    const torch::NoGradGuard no_grad;
    torch::manual_seed(7);
    const Tensor sliced = compute(*all[k].injection);
    torch::manual_seed(7);
    expect_close(sliced, compute(uncut), "without gradients " + std::to_string(k));
  }
}

// How many tokens the MLP of each block works on.
class TokenCount final : public Injection {
 public:
  explicit TokenCount(bool by_token) : by_token_(by_token) {}
  bool by_token() const override { return by_token_; }
  Tensor at(Site site, int64_t block, const Tensor&, const Tensor& y) const override {
    if (site == Site::kFc1) counts[block] = y.size(1);
    return y;
  }
  mutable std::map<int64_t, int64_t> counts;

 private:
  bool by_token_;
};

TEST(Slices, TheLastBlockLeavesTokensOutThatNobodyWants) {
  const torch::NoGradGuard no_grad;
  const Vit vit(random_vit(kNetwork, 1), {.heads = 3});
  const TokenCount all(false), one(true);
  expect_close(vit.cls(some_images(), one), vit.cls(some_images(), all), "class token");
  EXPECT_EQ(all.counts, (std::map<int64_t, int64_t>{{0, 65}, {1, 65}, {2, 65}}));
  EXPECT_EQ(one.counts, (std::map<int64_t, int64_t>{{0, 65}, {1, 65}, {2, 4}}));
  EXPECT_EQ(vit.tokens(some_images(), one).size(1), 65);
  EXPECT_EQ(one.counts, all.counts);
}

TEST(Slices, AVitLearnsWhatTheWholeBatchTeaches) {
  const Vit vit(random_vit(kNetwork, 1), {.heads = 3});
  expect_same_as_whole([&](const Injection& in) { return vit.cls(some_images(), in); });
  expect_same_as_whole([&](const Injection& in) { return vit.tokens(some_images(), in).slice(1, 0, 3); });
  expect_same_as_whole([&](const Injection& in) { return vit.cls_of_blocks(some_images(), 1, in); });
}

TEST(Slices, TogetherIsSplitWherePartsAre) {
  const Vit vit(random_vit(kNetwork, 1), {.heads = 3});
  auto all = sliced_trials();
  Unsplit whole;
  SlicedTrial &lora = all[2], &prefix = all[9];
  const Together both({lora.injection.get(), prefix.injection.get()}), uncut({lora.injection.get(), prefix.injection.get(), &whole});
  ASSERT_EQ(both.split({13}).size(), 1u);
  auto trained = lora.trained;
  trained.insert(trained.end(), prefix.trained.begin(), prefix.trained.end());
  const auto compute = [&](const Injection& in) { return vit.cls(some_images(), in); };
  const SlicedResult a = result(compute, both, trained), b = result(compute, uncut, trained);
  expect_close(a.output, b.output, "output");
  for (size_t i = 0; i < trained.size(); ++i) expect_close(a.gradients[i], b.gradients[i], std::to_string(i));
}

TEST(Slices, TheNumberOfThreadsChangesNoBit) {
  const Vit vit(random_vit(kNetwork, 1), {.heads = 3});
  const int usual = at::get_num_threads();
  const auto on = [&](int threads, size_t k) {
    at::set_num_threads(threads);
    auto all = sliced_trials();
    return result([&](const Injection& in) { return vit.cls(some_images(), in); }, *all[k].injection, all[k].trained);
  };
  for (const size_t k : {0u, 4u, 9u}) {
    const SlicedResult one = on(1, k), three = on(3, k);
    EXPECT_TRUE(torch::equal(one.output, three.output)) << k;
    for (size_t i = 0; i < one.gradients.size(); ++i) EXPECT_TRUE(torch::equal(one.gradients[i], three.gradients[i])) << k << " " << i;
  }
  at::set_num_threads(usual);
}

// As an author might write it who forgets parts().
class Forgetful final : public Injection {
 public:
  InjectionSlices split(const std::vector<int64_t>& counts) const override { return alike(counts); }
  Tensor after_block(int64_t, const Tensor& x) const override { return x * scale; }
  Tensor scale = torch::ones({}).requires_grad_();
};

TEST(Slices, ATensorWhoseGradientWouldBeLostIsAnError) {
  const Vit vit(random_vit(kNetwork, 1), {.heads = 3});
  EXPECT_THROW(vit.cls(some_images(), Forgetful()), Error);
  const torch::NoGradGuard no_grad;
  EXPECT_NO_THROW(vit.cls(some_images(), Forgetful()));
}

TEST(Slices, ANetworkThatIsTrainedItselfIsNotSliced) {
  Vit vit(random_vit(kNetwork, 1), {.heads = 3});
  unfreeze(vit);
  auto all = sliced_trials();
  vit.cls(some_images(), *all[2].injection).sum().backward();
  for (const Tensor& t : trained_tensors(vit)) EXPECT_TRUE(t.grad().defined());
  for (const Tensor& t : all[2].trained) EXPECT_TRUE(t.grad().defined());
}

}  // namespace
}  // namespace clb::nn
