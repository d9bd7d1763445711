// A damaged experiment is an Error or a plan, never a crash.
#include <random>

#include "plan_fixture.hpp"

namespace clb::plan::testing {
namespace {

class PlanDamage : public PlanTest {
 protected:
  void expect_answer(const std::string& text) {
    try {
      plan(text);
      ++plans_;
    } catch (const base::Error& error) {
      ++errors_;
      EXPECT_FALSE(std::string(error.what()).empty());
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
  }
  int plans_ = 0, errors_ = 0;
};

TEST_F(PlanDamage, Truncated) {
  for (size_t length = 0; length < kGood.size(); ++length) expect_answer(kGood.substr(0, length));
  EXPECT_GT(errors_, 500);
}

TEST_F(PlanDamage, FlippedBits) {
  std::mt19937 random(1);
  for (size_t at = 0; at < kGood.size(); ++at) {
    std::string text = kGood;
    text[at] = static_cast<char>(text[at] ^ (1 << (random() % 8)));
    expect_answer(text);
  }
  EXPECT_GT(errors_, 300);
  EXPECT_GT(plans_, 10);
}

TEST_F(PlanDamage, DeepAndLarge) {
  std::string dotted = "a";
  for (int i = 0; i < 200'000; ++i) dotted += ".a";
  expect_answer(dotted + " = 1\n");
  expect_answer("[" + dotted + "]\n");
  expect_answer("x = " + std::string(200'000, '[') + "\n");
  expect_answer("x = \"" + std::string(2'000'000, 'y') + "\"\n");
  std::string seeds = "seed = [0";
  for (int i = 1; i < 50'000; ++i) seeds += "," + std::to_string(i);
  EXPECT_EQ(mistake(with_line(with_line(kGood, 24, seeds + "]"), 35, "params = { top_k = [0, 1, 2] }")),
            "good.toml:1:1: the experiment has more than 100000 runs");
  expect_answer(with_line(kGood, 4, "root = \"" + std::string(5000, 'r') + "\""));
  expect_answer(with_line(kGood, 8, "file = \"" + std::string(5000, 'f') + "\""));
  expect_answer(with_line(kGood, 19, "eval_transform = \"" + std::string(5000, 'e') + "\""));
  expect_answer(with_line(kGood, 34, "preset = \"" + std::string(5000, 'p') + "\""));
  EXPECT_EQ(plans_, 0);
}

}  // namespace
}  // namespace clb::plan::testing
