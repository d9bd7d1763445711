// What several tests of the presets and experiments that ship share.
#pragma once

#include <filesystem>

namespace clb::testing {

// One cache for all tests: plugins are described once.
inline const std::filesystem::path& shipped_cache() {
  static const std::filesystem::path folder = std::filesystem::path(CLB_BINARY_DIR) / "tests/cache";
  return folder;
}

}  // namespace clb::testing
