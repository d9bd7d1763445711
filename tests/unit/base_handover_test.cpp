// Texts and descriptors from one process to another.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <clb/base/handover.hpp>

#include <clb/base/error.hpp>

namespace {

using clb::base::Descriptor;
using clb::base::Handover;

TEST(Handover, TextsOfAnyLengthAndDescriptorsArrive) {
  const auto [ours, theirs] = clb::base::handover_sockets();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const Descriptor read_end(ends[0]), write_end(ends[1]);
  const std::vector<std::string> texts{"", std::string(3'000'000, 'x'), "last"};
  clb::base::hand_over(ours.get(), texts, {write_end.get()});
  clb::base::hand_over(ours.get(), {}, {});

  const std::optional<Handover> first = clb::base::take_over(theirs.get());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->texts, texts);
  ASSERT_EQ(first->descriptors.size(), 1u);
  EXPECT_NE(first->descriptors[0].get(), write_end.get());
  ASSERT_EQ(write(first->descriptors[0].get(), "y", 1), 1);
  char got = 0;
  ASSERT_EQ(read(read_end.get(), &got, 1), 1);
  EXPECT_EQ(got, 'y');

  const std::optional<Handover> second = clb::base::take_over(theirs.get());
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->texts.empty());
  EXPECT_TRUE(second->descriptors.empty());
}

TEST(Handover, TheEndOfTheOtherSideIsNoMessage) {
  auto [ours, theirs] = clb::base::handover_sockets();
  ours.reset();
  EXPECT_FALSE(clb::base::take_over(theirs.get()));
  EXPECT_THROW(clb::base::hand_over(theirs.get(), {"to nobody"}, {}), clb::base::Error);
}

TEST(Handover, BytesWithoutAMessageAreAnError) {
  const auto [ours, theirs] = clb::base::handover_sockets();
  ASSERT_EQ(write(ours.get(), "z", 1), 1);
  EXPECT_THROW(clb::base::take_over(theirs.get()), clb::base::Error);
}

}  // namespace
