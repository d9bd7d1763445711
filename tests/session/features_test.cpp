// Feature kinds: class tokens of chosen blocks, and what a method derives itself, with the cache and the counters.
#include <clb/base/clip_weights.hpp>
#include <clb/base/sha256.hpp>
#include <clb/nn/clip.hpp>
#include <clb/nn/module.hpp>
#include <clb/sdk/error.hpp>
#include <clb/session/batches.hpp>

#include "made_session.hpp"
#include "support/errors.hpp"

namespace {

using namespace clb;
using clb::testing::contains;
using clb::testing::error_of;
using data::Split;

constexpr int64_t kDim = 8, kDepth = 3;

class FeaturesTest : public clb::testing::MadeSession {
 protected:
  FeaturesTest() {
    spec_.weights = {{.role = "main", .sha256 = "made", .random = {.image = 32, .patch = 16, .dim = kDim, .depth = kDepth, .heads = 2}}};
    spec_.execution.cache_dir = (folder_.path() / "cache").string();
  }

  // A session whose method derives "mean", the mean of each colour; counts the images that go through it.
  std::unique_ptr<session::Session> deriving(const std::string& content = "a") {
    auto s = open(0);
    s->features.declare("mean", 3, content);
    s->features.set_extract([this](const std::string& kind, const torch::Tensor& images) {
      EXPECT_EQ(kind, "mean");
      ++batches_;
      return images.mean({2, 3});
    });
    return s;
  }

  int batches_ = 0;
  const std::vector<int64_t> ids_{0, 1, 2, 5}, more_{0, 1, 2, 3, 5};
};

TEST_F(FeaturesTest, WhatAnotherCacheHasIsFoundThereAndNothingIsWrittenToIt) {
  const std::string own = spec_.execution.cache_dir, shared = (folder_.path() / "shared").string();
  spec_.execution.cache_dir = shared;
  const auto filled = open(0);
  filled->features.ensure("main:cls", Split::kTrain, ids_);
  const auto computed = filled->features.gather("main:cls", Split::kTrain, ids_);
  const auto files = [](const std::string& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error))
      if (entry.path().extension() == ".safetensors") names.push_back(entry.path());
    return names;
  };
  const auto before = files(shared);
  ASSERT_EQ(before.size(), 1u);

  spec_.execution.cache_dir = own;
  setenv("CLB_CACHE_SHARED", shared.c_str(), 1);
  const auto s = open(0);
  s->features.ensure("main:cls", Split::kTrain, ids_);
  EXPECT_EQ(s->features.forwards_charged(), 0) << "found";
  EXPECT_TRUE(torch::equal(s->features.gather("main:cls", Split::kTrain, ids_), computed));
  s->features.ensure("main:cls", Split::kTrain, more_);
  EXPECT_EQ(s->features.forwards_charged(), 1) << "what is not there is computed";
  EXPECT_EQ(files(shared), before);
  EXPECT_EQ(files(own).size(), 1u) << "and kept in the run's own cache";

  { std::ofstream(before[0], std::ios::app | std::ios::binary) << "x"; }
  std::filesystem::remove_all(own);
  const auto damaged = open(0);
  damaged->features.ensure("main:cls", Split::kTrain, ids_);
  EXPECT_TRUE(torch::equal(damaged->features.gather("main:cls", Split::kTrain, ids_), computed));
  EXPECT_EQ(files(shared), before) << "a damaged segment of others stays";
  unsetenv("CLB_CACHE_SHARED");
}

TEST_F(FeaturesTest, CachedRowsAreGivenTogetherWithTheirSegmentsOrNotAtAll) {
  const std::string kind = "main:cls";
  const auto first = open(0);
  EXPECT_FALSE(first->features.cached(kind, Split::kTest, ids_)) << "nothing there";
  first->features.ensure(kind, Split::kTest, ids_);
  EXPECT_FALSE(first->features.cached(kind, Split::kTest, ids_)) << "computed here, not found";
  const auto second = open(0);
  EXPECT_FALSE(second->features.cached(kind, Split::kTest, more_)) << "a row is missing";
  const auto found = second->features.cached(kind, Split::kTest, ids_);
  ASSERT_TRUE(found);
  EXPECT_TRUE(torch::equal(found->values, first->features.gather(kind, Split::kTest, ids_)));
  ASSERT_EQ(found->segments.size(), 1u);
  EXPECT_TRUE(contains(*found->segments.begin(), std::filesystem::path(found->folder).filename().string() + "/"));
  second->features.ensure(kind, Split::kTest, more_);
  const auto both = open(0)->features.cached(kind, Split::kTest, more_);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->segments.size(), 2u);
  EXPECT_TRUE(both->segments.contains(*found->segments.begin()));
  EXPECT_FALSE(deriving()->features.cached("mean", Split::kTest, ids_)) << "the method's own";

  spec_.execution.cache_dir.clear();
  const auto given = open(0);
  given->features.accept(kind, Split::kTest, ids_, found->values * 2);
  given->features.ensure(kind, Split::kTest, ids_);
  EXPECT_EQ(given->features.forwards_charged(), 0);
  EXPECT_TRUE(torch::equal(given->features.gather(kind, Split::kTest, ids_), found->values * 2));
}

TEST_F(FeaturesTest, BlocksStandSideBySide) {
  const auto s = open(0);
  EXPECT_EQ(s->features.dim("main:cls"), kDim);
  EXPECT_EQ(s->features.dim("main:cls@1"), kDim);
  EXPECT_EQ(s->features.dim("main:cls@0-2"), 3 * kDim);
  const auto get = [&](const std::string& kind) {
    s->features.ensure(kind, Split::kTrain, ids_);
    return s->features.gather(kind, Split::kTrain, ids_);
  };
  const auto all = get("main:cls@0-2"), last = get("main:cls@last2");
  ASSERT_EQ(all.sizes(), (std::vector<int64_t>{4, 3 * kDim}));
  EXPECT_TRUE(torch::equal(all.narrow(1, kDim, 2 * kDim), last));
  EXPECT_TRUE(torch::equal(all.narrow(1, kDim, kDim), get("main:cls@1")));
  // The last block's token is what the final norm sees; this one has weight 1 and bias 0.
  const auto normed = torch::layer_norm(all.narrow(1, 2 * kDim, kDim), {kDim}, {}, {}, 1e-6);
  EXPECT_TRUE(torch::allclose(normed, get("main:cls"), 1e-4, 1e-5));
  EXPECT_EQ(s->features.forwards_charged(), 4 * 4) << "three kinds of blocks and the class token";
  get("main:cls@1-2");
  EXPECT_EQ(s->features.forwards_charged(), 4 * 4) << "another name of last2";
}

TEST_F(FeaturesTest, UnknownKindsAreRefused) {
  const auto s = open(0);
  for (const char* kind : {"main:cls@3", "main:cls@2-1", "main:cls@last4", "main:cls@0-9"})
    EXPECT_TRUE(contains(error_of<PluginError>([&] { s->features.dim(kind); }), "blocks are 0 to 2")) << kind;
  for (const char* kind : {"main:patches", "main:cls@", "cls", "", "main:cls@-1", "main:cls@1-2-3"})
    EXPECT_TRUE(contains(error_of<PluginError>([&] { s->features.dim(kind); }), "no feature kind")) << kind;
  EXPECT_THROW(s->features.dim("clip:cls"), PluginError);
}

TEST_F(FeaturesTest, AClipGivesItsImageFeatures) {
  base::ClipShape shape;
  shape.image = {.image = 32, .patch = 16, .channels = 3, .dim = 24, .depth = 2, .heads = 3, .mlp = 48};
  shape.text_dim = 8;
  shape.text_depth = 1;
  shape.text_heads = 2;
  shape.text_mlp = 16;
  shape.context = 5;
  shape.vocabulary = 9;
  shape.features = 10;
  nn::TensorMap tensors;
  for (const auto& [name, sizes] : base::clip_tensors(shape))
    tensors[name] = 0.3 * at::randn(sizes, at::detail::createCPUGenerator(name.size()));
  const std::string bytes = nn::write_safetensors(tensors), file = folder_.write("clip.safetensors", bytes).string();
  base::WeightsSpec clip;
  clip.role = "clip";
  clip.file = file;
  clip.sha256 = base::hex(base::sha256(std::string_view(bytes)));
  clip.heads = 3;
  clip.text_heads = 2;
  clip.format = "openai_clip";
  spec_.weights.push_back(clip);
  const auto s = open(0);
  EXPECT_EQ(s->features.dim("clip:image"), 10);
  EXPECT_EQ(s->features.dim("clip:cls"), 24);
  EXPECT_EQ(s->features.dim("clip:cls@0-1"), 48);
  EXPECT_TRUE(contains(error_of<PluginError>([&] { s->features.dim("clip:text"); }), "clip:image, clip:cls and clip:cls@BLOCKS"));
  s->features.ensure("clip:image", Split::kTrain, ids_);
  std::vector<data::ImageRequest> requests;
  for (int64_t id : ids_) requests.push_back({Split::kTrain, id, 0});
  const nn::ClipImage tower(tensors, {.activation = nn::Activation::kQuickGelu, .image_heads = 3, .text_heads = 2});
  EXPECT_TRUE(
      torch::allclose(s->features.gather("clip:image", Split::kTrain, ids_), tower(s->views.at("", false).batch(requests)), 1e-4, 1e-5));
  EXPECT_NE(s->backbones.at("clip").options().find("\"format\":\"openai_clip\""), std::string::npos);
}

TEST_F(FeaturesTest, WhatAMethodDerivesIsComputedOnce) {
  {
    const auto s = deriving();
    s->features.ensure("mean", Split::kTrain, ids_);
    EXPECT_EQ(batches_, 1);
    std::vector<data::ImageRequest> requests;
    for (int64_t id : ids_) requests.push_back({Split::kTrain, id, 0});
    EXPECT_TRUE(torch::allclose(s->features.gather("mean", Split::kTrain, ids_), s->views.at("", false).batch(requests).mean({2, 3})));
    s->features.ensure("mean", Split::kTrain, more_);  // one is new
    EXPECT_EQ(batches_, 3) << "and one of the others is extracted anew";
    EXPECT_EQ(s->features.forwards_charged(), 5);
    EXPECT_EQ(s->features.forwards_saved(), 4) << "asked for again";
    EXPECT_EQ(s->features.seconds_saved(), 0) << "this run has paid for all of them";
  }
  batches_ = 0;
  const auto again = deriving();
  again->features.ensure("mean", Split::kTrain, more_);
  EXPECT_EQ(batches_, 2) << "of each part of the cache one, anew";
  EXPECT_EQ(again->features.forwards_charged(), 0) << "from the cache";
  EXPECT_EQ(again->features.forwards_saved(), 5);
  EXPECT_GT(again->features.seconds_saved(), 0);
  const auto other = deriving("b");
  other->features.ensure("mean", Split::kTrain, more_);
  EXPECT_EQ(batches_, 3) << "other contents, other features";
}

TEST_F(FeaturesTest, ResumedCountersCountNothingTwice) {
  auto s = deriving();
  s->features.ensure("mean", Split::kTrain, ids_);
  const base::Json counts = s->features.counts();
  const auto resumed = deriving();
  resumed->features.take_up(counts);
  EXPECT_EQ(resumed->features.counts(), counts);
  resumed->features.ensure("mean", Split::kTrain, ids_);
  EXPECT_EQ(resumed->features.seconds_saved(), 0) << "paid for before the interruption";
  EXPECT_EQ(resumed->features.forwards_charged(), 4);
}

TEST_F(FeaturesTest, WhatIsDeclaredOrDerivedWrongIsRefused) {
  const auto s = deriving();
  s->features.declare("mean", 3, "a");
  EXPECT_TRUE(contains(error_of<PluginError>([&] { s->features.declare("mean", 3, "b"); }), "other contents"));
  EXPECT_TRUE(contains(error_of<PluginError>([&] { s->features.declare("mean", 4, "a"); }), "other contents"));
  EXPECT_TRUE(contains(error_of<PluginError>([&] { s->features.declare("main:cls", 3, "a"); }), "colon"));
  EXPECT_THROW(s->features.declare("none", 0, "a"), PluginError);
  s->features.declare("wide", 4, "a");
  s->features.set_extract([](const std::string&, const torch::Tensor& images) { return images.mean({2, 3}); });
  EXPECT_TRUE(contains(error_of<PluginError>([&] { s->features.ensure("wide", Split::kTrain, ids_); }), "wanted Float [32, 4]"));
}

TEST_F(FeaturesTest, AStreamServesThem) {
  const auto s = deriving();
  const char* kinds[] = {"mean", "main:cls@last2"};
  auto r = request(100);
  r.view = CLB_VIEW_EVAL;
  ask(r, kinds);
  session::TaskBatches stream(*s, r);
  const auto batch = stream.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->parts[0].second.sizes(), (std::vector<int64_t>{4 * clb::testing::kTrain, 3}));
  EXPECT_EQ(batch->parts[1].second.size(1), 2 * kDim);
}

TEST(ContentHash, CoversNamesSizesAndNumbers) {
  struct Two final : nn::Module {
    explicit Two(torch::Tensor a, std::string name = "a") : a(std::move(a)), name(std::move(name)) {}
    void parameters(const nn::ParameterVisitor& visit) override { visit(name, a); }
    torch::Tensor a;
    std::string name;
  };
  const auto of = [](Two two) { return nn::content_hash(two); };
  const auto same = of(Two(torch::ones({2, 3})));
  EXPECT_EQ(of(Two(torch::ones({2, 3}))), same);
  EXPECT_EQ(of(Two(torch::ones({3, 2}).t())), same) << "strides do not count";
  EXPECT_NE(of(Two(torch::ones({3, 2}))), same);
  EXPECT_NE(of(Two(torch::ones({2, 3}), "b")), same);
  EXPECT_NE(of(Two(torch::ones({2, 3}).index_put_({1, 1}, 1.0000001))), same);
  EXPECT_NE(of(Two(torch::ones({2, 3}, torch::kBFloat16))), same);
}

}  // namespace
