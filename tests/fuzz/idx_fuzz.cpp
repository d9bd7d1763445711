// IDX files of one and three dimensions, plain, gzip or xz.
#include <clb/sdk/idx.hpp>

#include "memory_file.hpp"

template <size_t N>
void read(const clb::Path& path) try {
  const auto array = clb::read_idx<uint8_t, N>(path);
  if constexpr (N == 1) clb::require_labels(array, 10);
  if constexpr (N == 3) clb::require_sides(array, {28, 28});
} catch (const clb::PluginError&) {
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const clb::testing::MemoryFile file(data, size);
  read<1>(file.path());
  read<3>(file.path());
  return 0;
}
