#include "omnibenchmark.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

TEST(OmniBenchmark, EveryFormOfIt) {
  const std::string whole = "{train|test}/{0|10|2}/{1..2}.jpg";
  expect_read({"pilot", {whole}, {}, "{train,test}/CLASS/FILE, as re-packed", {"0", "10", "2"}, 6, 6});
  expect_read({"pilot", {"omnibenchmark/" + whole}, {}, "omnibenchmark/{train,test}/CLASS/FILE", {"0", "10", "2"}, 6, 6});
}

}  // namespace
