#include "core50.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

const std::string kWhole = "{s1|s2|s3|s7|s10|s11}/{o1|o2|o10|o50}/C_01_01_00{1..2}.png";

TEST(Core50, EveryFormOfIt) {
  const std::vector<std::string> four{"o1", "o10", "o2", "o50"};
  for (const std::string before : {"core50_128x128/", ""})
    expect_read({"official", {before + kWhole}, {}, before + "DOMAIN/CLASS/FILE, the publisher's archive", four, 24, 24});
}

TEST(Core50, OrdersGoByNumber) {
  const MadeTree tree;
  tree.put(kWhole);
  const OpenedTree opened(tree);
  EXPECT_EQ(opened.order("official"), (std::vector<std::string>{"o1", "o2", "o10", "o50"}));
  EXPECT_EQ(opened.order("official", true), (std::vector<std::string>{"s1", "s2", "s3", "s7", "s10", "s11"}));
  const clb_dataset_info info = opened.plugin().describe();
  EXPECT_STREQ(info.group_names[info.class_groups[1]], "mobile phones") << "o10";
  EXPECT_STREQ(info.group_names[info.class_groups[3]], "remote controls") << "o50";
}

}  // namespace
