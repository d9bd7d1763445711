// MATLAB files of level 5.
#include <clb/sdk/mat_file.hpp>

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const clb::testing::MemoryFile file(data, size);
  try {
    clb::read_mat(file.path());
  } catch (const clb::PluginError&) {
  }
  return 0;
}
