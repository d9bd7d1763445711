// Features that a method derives are kept under a hash that it gives. What was kept is served only after some of it came out the same
// again.
#include <clb/sdk/error.hpp>

#include "session/made_session.hpp"
#include "support/errors.hpp"

namespace {

using namespace clb;
using clb::testing::contains;
using clb::testing::said_by;
using data::Split;
using features::Features;

// A method whose part is one number: its features are each colour's mean times it.
class DerivedFeature : public clb::testing::MadeSession {
 protected:
  DerivedFeature() { spec_.execution.cache_dir = (folder_.path() / "cache").string(); }

  std::unique_ptr<session::Session> deriving(int64_t task = 0, Features::Content origin = Features::Content::kTold) {
    auto s = open(task);
    s->features.declare("mean", 3, "a", origin);
    s->features.set_extract([this](const std::string&, const torch::Tensor& images) {
      seen_.push_back(images.clone());
      return torch::Tensor(images.mean({2, 3}) * part_);
    });
    return s;
  }
  std::string asked(session::Session& s, const std::string& phase, const std::vector<int64_t>& ids) {
    const auto span = s.spans.enter(phase, s.task);
    return said_by<PluginError>([&] { s.features.ensure("mean", Split::kTrain, ids); });
  }
  bool computes(std::unique_ptr<session::Session> s) {
    const int64_t before = s->features.forwards_charged();
    s->features.ensure("mean", Split::kTrain, some_);
    return s->features.forwards_charged() > before;
  }

  double part_ = 1;
  std::vector<torch::Tensor> seen_;
  const std::vector<int64_t> some_{0, 1, 2, 5}, more_{0, 1, 2, 3, 5, 8}, others_{20, 21};
};

TEST_F(DerivedFeature, APartThatIsTrainedAfterItsHashWasTakenFailsTheRun) {
  const auto s = deriving();
  EXPECT_EQ(asked(*s, "train_task", some_), "");
  EXPECT_EQ(asked(*s, "evaluate", some_), "") << "the same comes out again";
  part_ = 1.5;
  s->task = 1;
  EXPECT_EQ(asked(*s, "train_task", others_), "") << "none of these was there";
  const std::string said = asked(*s, "evaluate", more_);
  EXPECT_TRUE(contains(said, "the features \"mean\" of training sample")) << said;
  EXPECT_TRUE(contains(said, "changed under an unchanged content hash")) << said;
  part_ = 1;
  EXPECT_EQ(asked(*s, "evaluate", some_), said) << "a method that goes on without them gets no further";
  EXPECT_THROW(s->features.expect_unchanged(), PluginError);
}

TEST_F(DerivedFeature, TrainingBetweenTwoStreamsOfATaskIsNoticed) {
  const auto s = deriving();
  EXPECT_EQ(asked(*s, "train_task", some_), "");
  part_ = -1;
  EXPECT_TRUE(contains(asked(*s, "train_task", some_), "changed under"));
}

TEST_F(DerivedFeature, TheSmallestChangeIsNoticed) {
  const auto s = deriving();
  asked(*s, "train_task", some_);
  part_ = 1 + 1e-6;
  EXPECT_TRUE(contains(asked(*s, "evaluate", some_), "changed under"));
}

TEST_F(DerivedFeature, WhatAnotherProcessKeptOnDiskIsExtractedAnewAsWell) {
  asked(*deriving(), "train_task", some_);
  part_ = 2;
  EXPECT_TRUE(contains(asked(*deriving(), "train_task", more_), "changed under"));
  part_ = 1;
  EXPECT_EQ(asked(*deriving(), "train_task", more_), "");
}

// As it was put together the first time, because the numbers may depend on a row's place; of samples that are asked for alone.
TEST_F(DerivedFeature, TheBatchIsTheOneOfTheFirstTimeAndShowsNothingNew) {
  auto s = deriving();
  asked(*s, "train_task", some_);
  asked(*s, "evaluate", more_);
  ASSERT_EQ(seen_.size(), 3u) << "computed, extracted anew, the two that were missing";
  EXPECT_TRUE(torch::equal(seen_[0], seen_[1]));

  asked(*deriving(), "train_task", {2});
  ASSERT_EQ(seen_.size(), 4u);
  const data::ImageRequest two{Split::kTrain, 2, 0};
  EXPECT_TRUE(torch::equal(seen_[3], s->views.at("", false).batch({&two, 1}).expand_as(seen_[3])));
}

TEST_F(DerivedFeature, ManyStreamsOfATaskCostFewExtractions) {
  const auto s = deriving();
  for (int k = 0; k < 100; ++k) EXPECT_EQ(asked(*s, "train_task", some_), "");
  EXPECT_EQ(seen_.size(), 1u + 6) << "computed at the 1st, anew at the 2nd, 4th, ... 64th";
  EXPECT_EQ(s->features.forwards_charged(), 4) << "and are no work of the method";
}

TEST_F(DerivedFeature, SeedAndClassOrderBelongToTheKeyUnlessTheSdkTookTheHash) {
  for (const auto origin : {Features::Content::kTold, Features::Content::kHashed}) {
    const bool told = origin == Features::Content::kTold;
    spec_.seed = 0;
    spec_.protocol.class_order = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
    EXPECT_TRUE(computes(deriving(0, origin)));
    EXPECT_FALSE(computes(deriving(0, origin))) << "the same run once more";
    spec_.seed = 1;
    EXPECT_EQ(computes(deriving(0, origin)), told);
    std::swap(spec_.protocol.class_order[0], spec_.protocol.class_order[9]);
    EXPECT_EQ(computes(deriving(0, origin)), told);
  }
}

}  // namespace
