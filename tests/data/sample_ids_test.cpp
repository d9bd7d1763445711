#include <gtest/gtest.h>
#include <clb/stream/sample_ids.hpp>

namespace {

using namespace clb::stream;

TEST(SampleIds, AreTheHashesThatTheyHaveAlwaysBeen) {
  const Keys keys(7);
  SampleIds ids(keys, 100);
  for (const int64_t index : {99, 0, 5, 99}) EXPECT_EQ(ids.id(index), static_cast<int64_t>(keys.number("sample id", {index}) >> 1));
}

TEST(SampleIds, AreFoundAmongThoseThatMayBeUsed) {
  SampleIds ids(Keys(7), 10), before(Keys(7), 10);
  const std::vector<int64_t> among{2, 4, 6};
  const int64_t outside = ids.id(3);
  const SampleIds::Finder finder(ids, among);
  EXPECT_EQ(finder.index(before.id(4)), 4) << "an id that another process gave out";
  EXPECT_FALSE(finder.index(outside));
  EXPECT_FALSE(finder.index(12345));
}

}  // namespace
