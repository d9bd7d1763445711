#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/launch/lines.hpp>
#include <vector>

namespace clb::launch {
namespace {

std::vector<std::string> cut(LineCutter& cutter, std::string_view bytes) {
  std::vector<std::string> lines;
  cutter.feed(bytes, [&](std::string_view line) { lines.emplace_back(line); });
  return lines;
}

TEST(LineCutter, SameLinesHoweverTheBytesArrive) {
  const std::string bytes = "one\n\nthree is longer\nrest";
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    LineCutter cutter;
    std::vector<std::string> lines;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      for (auto& line : cut(cutter, std::string_view(bytes).substr(at, piece))) lines.push_back(line);
    }
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "", "three is longer"})) << "pieces of " << piece;
    EXPECT_EQ(cutter.rest(), "rest");
    EXPECT_EQ(cutter.count(), 3u);
  }
}

TEST(LineCutter, RefusesALineWithoutEnd) {
  LineCutter cutter;
  cut(cutter, "fine\n");
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 64; ++i) cut(cutter, piece);
  try {
    cut(cutter, "x");
    FAIL() << "accepted";
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "event line 2 is longer than 64 MiB");
  }
}

}  // namespace
}  // namespace clb::launch
