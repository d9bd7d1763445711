// Images as the network of each role wants them: of its size, with its statistics, in training streams as in questions and features.
#include <clb/sdk/context.hpp>

#include "made_session.hpp"
#include "support/errors.hpp"

namespace clb::testing {
namespace {

class Views : public MadeSession {
 protected:
  Views() {
    base::WeightsSpec main;
    main.role = "main";
    base::WeightsSpec clip;
    clip.role = "clip";
    clip.random.image = 16;
    clip.eval_transform = spec_.protocol.eval_transform;
    clip.eval_transform->resize = 16;
    clip.eval_transform->mean = {0.5, 0.5, 0.5};
    clip.train_transform = spec_.method.train_transform;
    clip.train_transform->random_resized_crop = 16;
    clip.train_transform->mean = {0.5, 0.5, 0.5};
    spec_.weights = {main, clip};
  }
  struct First {
    std::unique_ptr<session::TaskBatches> batches;  // has the names of the parts
    session::HostBatch batch;
    const torch::Tensor& part(const char* name) const { return batch.part(name); }
  };
  First first(session::Session& s, uint32_t view) {
    static constexpr const char* kParts[] = {"images", "images:main", "images:clip"};
    auto r = request(5);
    r.view = view;
    ask(r, kParts);
    auto batches = std::make_unique<session::TaskBatches>(s, r);
    auto batch = *batches->next();
    return {std::move(batches), std::move(batch)};
  }
};

TEST_F(Views, ARoleSeesTheImagesByItsOwnTransforms) {
  const auto s = open(0);
  for (const uint32_t view : {CLB_VIEW_EVAL, CLB_VIEW_TRAIN}) {
    const auto batch = first(*s, view);
    EXPECT_EQ(batch.part("images").sizes(), (std::vector<int64_t>{5, 3, 32, 32}));
    EXPECT_TRUE(torch::equal(batch.part("images"), batch.part("images:main"))) << "which has no transforms of its own";
    EXPECT_EQ(batch.part("images:clip").sizes(), (std::vector<int64_t>{5, 3, 16, 16}));
    EXPECT_LT(batch.part("images:clip").min().item<float>(), -0.2) << "its own mean is taken away";
    EXPECT_GE(batch.part("images").min().item<float>(), 0);
  }
}

TEST_F(Views, TheSameBoxesAndFlipsForEveryRole) {
  spec_.weights[1].train_transform->random_resized_crop = 32;
  const auto s = open(0);
  const auto batch = first(*s, CLB_VIEW_TRAIN);
  EXPECT_TRUE(torch::allclose(batch.part("images"), batch.part("images:clip") + 0.5, 0, 1e-6));
}

TEST_F(Views, FeaturesAndQuestionsTakeTheTransformOfTheirRole) {
  const auto s = open(0);
  const std::vector<int64_t> ids{0, 1, 2};
  s->features.ensure("clip:cls", session::Split::kTrain, ids);
  std::vector<session::ImageRequest> requests;
  for (const int64_t id : ids) requests.push_back({session::Split::kTrain, id, 0});
  const auto images = s->views.at("clip", false).batch(requests);
  EXPECT_EQ(images.size(2), 16);
  const auto expected = s->backbones.at("clip").compute({.role = "clip"}, images);
  EXPECT_TRUE(torch::allclose(s->features.gather("clip:cls", session::Split::kTrain, ids), expected, 1e-4, 1e-5));
}

TEST_F(Views, ARoleThatTheRunDoesNotHaveIsRefused) {
  const auto s = open(0);
  EXPECT_TRUE(contains(error_of<PluginError>([&] { s->view_of(s->views, "dino", false); }), "weights.dino"));
}

TEST_F(Views, TheTransformsOfARoleAreKeptAndDecideTheKey) {
  const base::RunSpec read = base::RunSpec::from_json(spec_.to_json(), "spec");
  EXPECT_EQ(read.weights[1].train_transform, spec_.weights[1].train_transform);
  const std::string key = spec_.key(), table = base::canonical(spec_.comparability_json());
  spec_.weights[1].train_transform.reset();
  EXPECT_NE(spec_.key(), key);
  EXPECT_EQ(base::canonical(spec_.comparability_json()), table) << "how a method trains decides no table";
  EXPECT_FALSE(spec_.to_json().at("weights").at(1).contains("train_transform")) << "neutral";
}

}  // namespace
}  // namespace clb::testing
