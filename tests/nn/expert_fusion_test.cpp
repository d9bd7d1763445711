// What two experts are fused with: choices that are drawn, a gate, weights of classes, sentences with learned words.
#include <clb/nn/class_contexts.hpp>
#include <clb/nn/error.hpp>
#include <clb/nn/expert_gate.hpp>
#include <clb/nn/gumbel.hpp>
#include <clb/nn/prompt_tokens.hpp>
#include <clb/nn/replay_weights.hpp>

#include "golden_modules.hpp"

namespace clb::nn {
namespace {

using golden::any_numbers;
using golden::generator;
using torch::Tensor;

TEST(Gumbel, DrawsFromTheSoftmax) {
  const Tensor logits = torch::tensor({0.0F, 1.0F, -1.0F}), u = at::rand({20'000, 3}, generator(1));
  const Tensor shares = straight_through(logits + gumbel_noise(u)).mean(0);
  EXPECT_TRUE(torch::allclose(shares, logits.softmax(0), 0, 0.015)) << shares;
  EXPECT_TRUE(gumbel_noise(torch::tensor({0.0F, 1.0F})).isfinite().all().item<bool>());
}

TEST(Gumbel, AChoiceIsWholeAndHasTheGradientOfWhatItWasMadeFrom) {
  const Tensor logits = at::randn({6, 4}, generator(2)).requires_grad_(), weights = at::randn({6, 4}, generator(3));
  const Tensor chosen = straight_through(logits.softmax(1));
  EXPECT_TRUE(torch::equal(chosen.detach(), torch::one_hot(logits.argmax(1), 4).to(torch::kFloat32)));
  (chosen * weights).sum().backward();
  const Tensor got = logits.grad().clone();
  EXPECT_GT(got.abs().max().item<double>(), 0.01);
  logits.mutable_grad() = Tensor();
  (logits.softmax(1) * weights).sum().backward();
  EXPECT_TRUE(torch::equal(logits.grad(), got));
}

TEST(ExpertGate, AsksOrLeavesAlone) {
  const Tensor first = at::randn({3, 4}, generator(1)), second = at::randn({3, 4}, generator(2));
  const Tensor choice = ExpertGate::likelier(torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}, {2.0F, 3.0F}}));
  const Tensor logits = gated(first, second, choice);
  EXPECT_TRUE(torch::equal(logits[0], first[0] + second[0]));
  EXPECT_TRUE(torch::equal(logits.slice(0, 1), first.slice(0, 1)));
  const ExpertGate gate(5, {.rate = 0.5}, any_numbers());
  EXPECT_NEAR(gate.rate_error(choice).item<double>(), 1.0 / 36, 1e-6);
  EXPECT_NEAR(gate_drift(first, first).item<double>(), 0, 1e-6);
  EXPECT_GT(gate_drift(first, second).item<double>(), 0.01);
}

TEST(ReplayWeights, FollowTheClassesOfATaskWhereverTheyStand) {
  ReplayWeights weights(3);
  weights.begin_task(4, {1, 3}, 5);
  {
    const torch::NoGradGuard no_grad;
    weights.alpha.copy_(torch::tensor({5.0F, 6.0F}).expand({3, 2}));
    weights.beta.copy_(torch::tensor({0.0F, 1.0F, 2.0F}).expand({3, 3}));
  }
  const auto old = [](double beta) { return 2 * (1 + std::exp(-beta)); };
  const auto own = [](double alpha) { return 1 / (1 + std::exp(-alpha)); };
  const Tensor expected = torch::tensor({old(0), own(5), old(1), own(6), old(2)}, torch::kFloat32);
  EXPECT_TRUE(torch::allclose(weights.of(2), expected.expand({2, 5})));
  const Tensor logits = at::randn({2, 5}, generator(1));
  const Tensor loss = -(logits.log_softmax(1) * expected).index({torch::tensor({0, 1}), torch::tensor({3, 2})}).mean();
  EXPECT_TRUE(torch::allclose(weights.loss(logits, torch::tensor({3, 2})), loss));

  const Tensor alpha = weights.alpha.detach().clone();
  weights.begin_task(5, {5, 6}, 7);
  EXPECT_TRUE(torch::equal(weights.alpha, alpha)) << "goes on";
  EXPECT_TRUE(torch::equal(weights.beta, torch::ones({3, 5}))) << "begins anew";
  weights.begin_task(6, {7}, 8);
  EXPECT_TRUE(torch::equal(weights.alpha, torch::ones({3, 1})));
}

class Sentences : public ::testing::Test {
 protected:
  static constexpr int64_t kEnd = 9;
  Sentences() {
    ClipShape shape{.image = {.image = 8, .patch = 4, .dim = 8, .depth = 1, .heads = 2, .mlp = 16}};
    shape.text_dim = shape.text_mlp = 8;
    shape.text_depth = 1;
    shape.text_heads = 2;
    shape.context = 6;
    shape.vocabulary = kEnd + 1;
    shape.features = 4;
    tower_ = ClipText(random_clip(shape, 3), {.text_heads = 2});
    contexts_ = {tower_, 2, [](int64_t label) { return generator(static_cast<uint64_t>(label)); }};
  }
  // Start, two places, the class, end.
  static Tensor tokens(const std::vector<int64_t>& labels) {
    std::vector<Tensor> rows;
    for (const int64_t label : labels) rows.push_back(torch::tensor({int64_t{0}, int64_t{8}, int64_t{8}, 1 + label, kEnd}));
    return at::stack(rows);
  }
  Tensor learning() { return part("learning"); }
  Tensor part(const std::string& wanted) {
    Tensor found;
    contexts_.parameters([&](const std::string& name, Tensor& t) {
      if (name == wanted) found = t;
    });
    return found;
  }

  ClipText tower_;
  ClassContexts contexts_;
};

TEST_F(Sentences, WordsGiveWayAndTheRestOfATextStays) {
  const Tensor ids = tokens({2, 3}), words = at::randn({2, 2, 8}, generator(1)), plain = tower_.embed(ids);
  const Tensor changed = ContextTokens(words).at(Site::kPatch, -1, ids, plain);
  EXPECT_TRUE(torch::equal(changed.narrow(1, 1, 2), words));
  EXPECT_TRUE(torch::equal(changed.narrow(1, 0, 1), plain.narrow(1, 0, 1)));
  EXPECT_TRUE(torch::equal(changed.slice(1, 3), plain.slice(1, 3)));
  EXPECT_TRUE(torch::allclose(tower_(ids, ContextTokens(plain.narrow(1, 1, 2))), tower_(ids), 1e-4, 1e-5)) << "the words that stood there";
  EXPECT_THROW(ContextTokens(torch::zeros({5, 8})).at(Site::kPatch, -1, ids, plain), Error);
}

TEST_F(Sentences, ThoseOfATasksClassesLearnAndOthersStandStill) {
  contexts_.begin_task({0, 1}, 2, tokens({0, 1}));
  const auto frozen = [&] {  // with gradients it is computed otherwise, and the last bits differ
    const torch::NoGradGuard no_grad;
    return contexts_.features();
  };
  const Tensor drawn = frozen();
  EXPECT_TRUE(torch::allclose(contexts_.features(), drawn, 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(contexts_.drawn_features(), drawn));
  contexts_.end_task();
  EXPECT_TRUE(torch::equal(contexts_.features(), drawn));

  contexts_.begin_task({2, 1}, 3, tokens({2, 1}));  // 1 comes again, behind a new one
  Tensor features = contexts_.features();
  EXPECT_TRUE(torch::equal(features[0], drawn[0]));
  EXPECT_TRUE(torch::allclose(features[1], drawn[1], 1e-5, 1e-6)) << "goes on from where it stands";
  features.sum().backward();
  EXPECT_EQ(learning().grad().sizes(), (std::vector<int64_t>{2, 2, 8}));
  EXPECT_GT(learning().grad().abs().min().item<double>(), 0);
  learning().detach().select(2, 0).add_(0.5);
  contexts_.remember();
  learning().detach().add_(100);
  contexts_.end_task();
  EXPECT_TRUE(torch::equal(contexts_.features()[0], drawn[0]));
  EXPECT_FALSE(torch::allclose(contexts_.features()[1], drawn[1], 1e-3, 1e-3));
  EXPECT_LT(part("contexts").abs().max().item<double>(), 1) << "as they were remembered";
  EXPECT_EQ(learning().numel(), 0);
  EXPECT_TRUE(torch::allclose(contexts_.drawn_features().narrow(0, 0, 2), drawn)) << "whatever was learned";
}

}  // namespace
}  // namespace clb::nn
