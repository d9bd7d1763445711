#include "office_home.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

TEST(OfficeHome, EveryFormOfIt) {
  const std::vector<std::string> two{"Alarm_Clock", "Backpack"};
  const std::string whole = "{Art|Clipart|Product|Real World}/{Alarm_Clock|Backpack}/0000{1..5}.jpg";
  expect_read({"folders", {"{Art|Real World}/{train|test}/{Alarm_Clock|Backpack}/1.jpg"}, {}, "DOMAIN/{train,test}/CLASS/FILE", two, 4, 4});
  expect_read({"fifth",
               {"OfficeHomeDataset_10072016/" + whole},
               {{"OfficeHomeDataset_10072016/ImageInfo.csv", "Domain,Class"}},
               "OfficeHomeDataset_10072016/DOMAIN/CLASS/FILE, the publisher's archive",
               two,
               32,
               8});
  expect_read({"fifth", {whole}, {}, "DOMAIN/CLASS/FILE", two, 32, 8});
}

}  // namespace
