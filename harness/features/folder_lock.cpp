#include "folder_lock.hpp"

#include <chrono>
#include <clb/base/error.hpp>
#include <thread>

namespace clb::features {

std::optional<base::FileLock> lock_folder(const base::fs::path& folder,
                                          const std::function<void(const std::string& what, int64_t done, int64_t total)>& progress) {
  std::error_code error;
  base::fs::create_directories(folder, error);
  for (;;) {
    try {
      if (auto lock = base::FileLock::try_lock(folder / "lock")) return lock;
    } catch (const base::WriteError&) {
      return std::nullopt;
    }
    progress("features of another run, waiting", 0, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace clb::features
