// When is a prediction of a fresh process another one? Rounding may move near ties, but not many of them.
#include <gtest/gtest.h>

#include <clb/launch/second_look.hpp>
#include <numeric>

namespace {

using namespace clb;
using launch::LastTask;

constexpr int64_t kSamples = 100;

LastTask predicted() { return {.task = 4, .predictions = std::vector<int64_t>(kSamples, 7), .evaluate_s = 1}; }

// Every sample is class 7 again, and for the first `near` and `clear` ones class 3 is.
base::Look answer(int64_t near, int64_t clear) {
  base::Look look{std::vector<int64_t>(kSamples), {{7, {}, {}, {}}, {64, std::vector<int64_t>(kSamples, 7), {}, {}}}, true};
  std::iota(look.samples.begin(), look.samples.end(), 0);
  for (int64_t i = 0; i < kSamples; ++i) {
    look.passes[0].predictions.push_back(i < near + clear ? 3 : 7);
    if (i < near) {
      look.passes[0].near_rows.push_back(i);
      look.passes[0].near_classes.push_back(7);
    }
  }
  return look;
}

base::SecondLook judged(const base::Look& look, const std::string& precision = "fp32", int64_t count = kSamples) {
  return launch::judge_look({"ok", "", "", 2}, base::kLooks, look, predicted(), precision, count);
}

TEST(SecondLookRule, NearTiesAreCountedAndManyAreNone) {
  EXPECT_EQ(judged(answer(0, 0)).outcome, "same");
  EXPECT_EQ(judged(answer(0, 1)).outcome, "differs");
  EXPECT_EQ(judged(answer(2, 0)).outcome, "same");
  EXPECT_EQ(judged(answer(2, 0)).near_ties, 2);
  EXPECT_EQ(judged(answer(3, 0)).outcome, "differs");  // of constant logits every class is in a near tie
  EXPECT_EQ(judged(answer(3, 0)).differing, 3);
  EXPECT_EQ(judged(answer(10, 0), "bf16").outcome, "same");
  EXPECT_EQ(judged(answer(11, 0), "bf16").outcome, "differs");
}

TEST(SecondLookRule, WhoAnswersForOtherSamplesOrFewerHasNotAnswered) {
  base::Look twice = answer(0, 0), outside = answer(0, 0), few = answer(0, 0);
  twice.samples[1] = 0;
  outside.samples[1] = kSamples;
  EXPECT_EQ(judged(twice).outcome, "failed");
  EXPECT_EQ(judged(outside).outcome, "failed");
  few.samples.resize(50);
  for (auto& pass : few.passes) pass.predictions.resize(50);
  EXPECT_EQ(judged(few).outcome, "failed");
  EXPECT_EQ(judged(few, "fp32", 50).outcome, "same");
}

TEST(SecondLookRule, FeaturesThatAreOthersThanTheCachedDenyTheRunWhateverIsPredicted) {
  base::Look look = answer(2, 0);
  look.false_folder = "/cache/features/a";
  look.false_rows = 99;
  const base::SecondLook result = judged(look);
  EXPECT_EQ(result.outcome, "differs");
  EXPECT_EQ(result.differing, 99);
  EXPECT_EQ(result.near_ties, 1) << "both together are no more than the samples";
  EXPECT_TRUE(
      result.reason.starts_with("the features in the cache /cache/features/a are others than a fresh process computes, for 99 of 100 "))
      << result.reason;
  look = answer(0, 5);
  look.false_folder = "/cache/features/a";
  look.false_rows = 3;
  EXPECT_EQ(judged(look).differing, 5);
}

TEST(SecondLookRule, OnlyWhatTheMethodDidIsItsFault) {
  const auto ended = [](const char* status, const char* phase) {
    return launch::judge_look({status, "why", "", 2}, phase, std::nullopt, predicted(), "fp32", kSamples).outcome;
  };
  EXPECT_EQ(ended("failed", base::kLooks), "failed");
  EXPECT_EQ(ended("crashed", "create"), "failed");
  EXPECT_EQ(ended("timeout", base::kLooks), "failed");
  EXPECT_EQ(ended("failed", base::kLookPrepares), "not_made");
  EXPECT_EQ(ended("crashed", ""), "not_made");
  EXPECT_EQ(ended("killed", base::kLooks), "not_made");  // from outside, or out of memory
  EXPECT_EQ(ended("cancelled", base::kLooks), "not_made");
}

TEST(SecondLookRule, FewerSamplesWhereEachIsDear) {
  LastTask task = predicted();
  task.evaluate_s = 0.3;
  EXPECT_EQ(launch::look_size(task, 10), 256);
  task.evaluate_s = 10;  // 0.2 s for both predictions of a sample
  EXPECT_EQ(launch::look_size(task, 10), 64);
  EXPECT_EQ(launch::look_size(task, 500), 109);
  EXPECT_EQ(launch::look_size(task, 5000), 256);

  LastTask frozen;  // features are most of such a run: 3,000 samples took 60 s, half of them in an earlier one
  base::TaskDone last;
  last.predictions = std::vector<int64_t>(1000, 7);
  last.spans = {{"features", -1, 30, 0}, {"evaluate", 0, 0.1, 0}};
  launch::note(last, frozen);
  launch::note(base::Done{{{{"forwards_charged", 3000}, {"cached_seconds_saved", 30}}}}, frozen);
  EXPECT_NEAR(frozen.feature_s, 0.02, 1e-9);
  EXPECT_EQ(launch::look_size(frozen, 60), 148);
  EXPECT_EQ(launch::look_size(frozen, 60, launch::FeaturesAre::kTaken), 256) << "what is taken costs nothing";
  frozen.train_s = 50;
  EXPECT_EQ(launch::look_size(frozen, 60), 103) << "4.5 % of a run that trains, less the start";
  launch::note(base::Done{{{{"forwards_charged", 3000}, {"cached_seconds_saved", 30}, {"state_bytes", 3.2e8}}}}, frozen);
  EXPECT_EQ(launch::look_size(frozen, 60), 64) << "reading the state takes 2 s of it";
}

}  // namespace
