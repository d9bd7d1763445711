#include "objectnet.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

TEST(ObjectNet, EveryFormOfIt) {
  const std::vector<std::string> two{"air_freshener", "alarm_clock"};
  const std::string whole = "{air_freshener|alarm_clock}/{1..2}.png";
  expect_read({"pilot", {"{train|test}/" + whole}, {}, "{train,test}/CLASS/FILE, as re-packed", two, 4, 4});
  expect_read({"pilot", {"objectnet/{train|test}/" + whole}, {}, "objectnet/{train,test}/CLASS/FILE", two, 4, 4});
  // Lists over the publisher's images: classes that they do not name are none.
  expect_read({"pilot",
               {"objectnet-1.0/images/" + whole, "objectnet-1.0/images/aaa_not_taken/{1..2}.png"},
               {{"splits/objectnet_pilot_train.txt", "air_freshener/1.png\nalarm_clock/1.png\n"},
                {"splits/objectnet_pilot_test.txt", "air_freshener/2.png\nalarm_clock/2.png\n"}},
               "objectnet-1.0/images/CLASS/FILE, the publisher's archive",
               two,
               2,
               2});
}

}  // namespace
