// What several tests of the presets and experiments that ship share.
#pragma once

#include <filesystem>

#include "support/temp_folder.hpp"

namespace clb::testing {

// One cache for all tests of a program: plugins are described once.
inline const std::filesystem::path& shipped_cache() {
  static const TempFolder folder;
  return folder.path();
}

}  // namespace clb::testing
