#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/launch/human.hpp>

namespace clb::launch {

TEST(Human, BytesInDecimalUnits) {
  EXPECT_EQ(human_bytes(0), "0 bytes");
  EXPECT_EQ(human_bytes(999), "999 bytes");
  EXPECT_EQ(human_bytes(1000), "1.0 kB");
  EXPECT_EQ(human_bytes(999'999), "1.0 MB");
  EXPECT_EQ(human_bytes(3'140'000'000), "3.1 GB");
}

TEST(Human, Seconds) {
  EXPECT_EQ(human_seconds(0.42), "0.4 s");
  EXPECT_EQ(human_seconds(59.4), "59 s");
  EXPECT_EQ(human_seconds(59.6), "1 min 00 s");
  EXPECT_EQ(human_seconds(185), "3 min 05 s");
  EXPECT_EQ(human_seconds(7620), "2 h 07 min");
}

TEST(Human, ParsesWhatPeopleWrite) {
  EXPECT_EQ(parse_seconds("90"), 90);
  EXPECT_EQ(parse_seconds("1.5h"), 5400);
  EXPECT_EQ(parse_seconds("10m"), 600);
  EXPECT_EQ(parse_seconds("1d"), 86400);
  EXPECT_EQ(parse_bytes("3GB"), 3'000'000'000u);
  EXPECT_EQ(parse_bytes("500M"), 500'000'000u);
  EXPECT_EQ(parse_bytes("1073741824"), 1073741824u);
}

TEST(Human, RefusesWhatIsNoQuantity) {
  for (const char* text : {"", "h", "-5", "10 weeks", "nan", "inf", "1e400", "5s5"}) EXPECT_THROW(parse_seconds(text), base::Error) << text;
  for (const char* text : {"", "GB", "-1GB", "3 apples", "1e30TB", "nan"}) EXPECT_THROW(parse_bytes(text), base::Error) << text;
}

}  // namespace clb::launch
