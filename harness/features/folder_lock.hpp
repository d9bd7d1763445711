// The lock of a folder of cached features while what is missing there is computed.
#pragma once

#include <clb/base/file.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace clb::features {

// Waits for it without falling silent. nullopt: the folder takes no lock, and so no features.
std::optional<base::FileLock> lock_folder(const base::fs::path& folder,
                                          const std::function<void(const std::string& what, int64_t done, int64_t total)>& progress);

}  // namespace clb::features
