// Blocks that a method shares between queries, what it trains, and epochs.
#include <gtest/gtest.h>

#include <clb/sdk/prompting.hpp>

namespace clb {
namespace {

using torch::Tensor;

const nn::VitShape kNetwork{.image = 16, .patch = 8, .dim = 12, .depth = 3, .heads = 3, .mlp = 24};

Batch batch(const std::vector<int64_t>& ids, const Tensor& images, bool repeats) {
  Batch b;
  b.repeats = repeats;
  b.n = static_cast<int64_t>(ids.size());
  b.images = images;
  b.sample_ids = torch::tensor(ids);
  return b;
}

Tensor images(int64_t n, uint64_t seed) { return at::randn({n, 3, 16, 16}, at::detail::createCPUGenerator(seed)); }

class SharedBlocksTest : public ::testing::Test {
 protected:
  nn::Vit vit_{nn::random_vit(kNetwork, 1), {.heads = 3}};
};

TEST_F(SharedBlocksTest, ImagesThatStayTheSameAreComputedOnce) {
  for (const bool queried : {false, true}) {
    SharedBlocks shared(vit_, 2, queried);
    const Tensor seen = images(3, 1), more = images(1, 2), unlike = torch::full({1, 3, 16, 16}, NAN);
    const Tensor first = shared(batch({7, 8, 9}, seen, true)).x;
    EXPECT_TRUE(torch::allclose(first, vit_.begin(seen, 2).x, 1e-5, 1e-6));
    // In another order, beside a new one; what has been seen is not looked at again.
    const nn::Begun again = shared(batch({9, 5, 7}, at::cat({unlike, more, unlike}), true));
    EXPECT_EQ(again.block, 2);
    EXPECT_TRUE(torch::equal(again.x[0], first[2]));
    EXPECT_TRUE(torch::allclose(again.x[1], vit_.begin(more, 2).x[0], 1e-5, 1e-6));
    EXPECT_TRUE(torch::equal(again.x[2], first[0]));
  }
}

TEST_F(SharedBlocksTest, WhoseImagesChangeAreComputedEachTime) {
  SharedBlocks shared(vit_, 2, /*queried=*/true);
  const Tensor one = images(2, 1), other = images(2, 2);
  shared(batch({1, 2}, one, false));
  const Batch b = batch({1, 2}, other, false);
  const nn::Begun begun = shared(b);
  EXPECT_EQ(begun.block, 2);
  EXPECT_TRUE(torch::allclose(begun.x, vit_.begin(other, 2).x, 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(queries(b, begun, vit_, true), vit_.query(other), 1e-5, 1e-5));
  EXPECT_EQ(SharedBlocks(vit_, 2, /*queried=*/false)(b).block, -1) << "nobody else asks for them";
}

TEST_F(SharedBlocksTest, WithoutSampleIdsNothingIsKept) {
  Batch b = batch({1, 2}, images(2, 1), true);
  b.sample_ids = Tensor();
  EXPECT_EQ(SharedBlocks(vit_, 2, /*queried=*/false)(b).block, -1);
}

TEST_F(SharedBlocksTest, WhereNothingCanBeSharedImagesStayImages) {
  const int64_t depth = kNetwork.depth, none = nn::first_of({});
  for (const bool repeats : {false, true}) {
    const Batch b = batch({1, 2}, images(2, 1), repeats);
    for (const bool queried : {false, true})
      for (const int64_t block : {depth, none}) EXPECT_EQ(SharedBlocks(vit_, block, queried)(b).block, -1) << block;
    EXPECT_EQ(SharedBlocks(vit_, 0, false)(b).block, -1) << "the patches alone are not worth their memory";
    EXPECT_EQ(SharedBlocks(vit_, 0, true)(b).block, 0);
    EXPECT_EQ(SharedBlocks(vit_, -1, true)(b).block, -1) << "patches are changed";
  }
}

}  // namespace
}  // namespace clb
