#include "entry_path.hpp"

#include <gtest/gtest.h>

namespace clb::fetch {
namespace {

TEST(EntryPath, NamesBelowTheFolder) {
  EXPECT_EQ(inner_name("./a//b/./c/"), "a/b/c");
  EXPECT_EQ(inner_name("a..b/..c"), "a..b/..c");
  EXPECT_EQ(inner_name("gr\xc3\xbc\xc3\x9f"
                       "e"),
            "gr\xc3\xbc\xc3\x9f"
            "e");
  EXPECT_EQ(inner_name("./"), "");
  for (const char* bad : {"", "/a", "..", "a/../b", "a/..", "./../a", "a\nb", "a\x7f", "\x1b[2J"}) EXPECT_FALSE(inner_name(bad)) << bad;
}

TEST(EntryPath, TargetsOfLinks) {
  EXPECT_EQ(link_target("a/b", "c"), "a/c");
  EXPECT_EQ(link_target("a/b/c", "../../d/e"), "d/e");
  EXPECT_EQ(link_target("a", "."), "");
  for (const char* bad : {"", "/etc/passwd", "..", "../x", "b/../../x", "b/..", "x\n"}) EXPECT_FALSE(link_target("a", bad)) << bad;
}

}  // namespace
}  // namespace clb::fetch
