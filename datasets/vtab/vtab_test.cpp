#include "vtab.cpp"

#include <gtest/gtest.h>

#include "made_tree.hpp"

namespace {

using namespace clb::testing;

TEST(Vtab, EveryFormOfIt) {
  for (const std::string before : {"", "vtab/", "vtab-cil/vtab/"})
    expect_read({"pilot",
                 {before + "{train|test}/{00|01|10}/{1..2}.jpg"},
                 {},
                 before + "{train,test}/CLASS/FILE, as re-packed",
                 {"00", "01", "10"},
                 6,
                 6});
}

}  // namespace
