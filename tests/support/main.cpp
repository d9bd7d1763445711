// main of every GoogleTest program: leaves without the destructors of LibTorch's globals, which take as long as most tests. With sanitizers
// it returns, since theirs is the check of what was not freed.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "temp_folder.hpp"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const int code = RUN_ALL_TESTS();
#ifndef CLB_SANITIZED
  clb::testing::TempFolder::remove_all();
  std::fflush(nullptr);
  std::_Exit(code);
#endif
  return code;
}
