#include <gtest/gtest.h>

#include <clb/base/nearest.hpp>

namespace clb::base {
namespace {

TEST(Nearest, FindsTheMistypedNameAndKeepsItsDistance) {
  EXPECT_EQ(nearest("simplecli", {"l2p", "simplecil"}), "simplecil");
  EXPECT_EQ(nearest("lits", {"list", "table"}), "list");
  EXPECT_EQ(nearest("ls", {"l2p", "list"}), "");
  EXPECT_EQ(nearest("x", {}), "");
  EXPECT_EQ(nearest("", {"a"}), "");
  EXPECT_EQ(nearest(std::string(65, 'a'), {std::string(65, 'a')}), "");
}

}  // namespace
}  // namespace clb::base
