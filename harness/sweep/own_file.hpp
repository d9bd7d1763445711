// Reading what a sweep wrote itself, and what another hand may have changed since.
#pragma once

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/json.hpp>
#include <string>

namespace clb::sweep {

// remedy: what is to be done when it cannot be read, or is no JSON.
inline base::Json read_own(const std::filesystem::path& file, const std::string& remedy) {
  constexpr uint64_t kMostBytes = uint64_t{1} << 30;  // a slot of many runs, each completely resolved
  try {
    return base::parse_json(base::read_file(file, kMostBytes), file.string());
  } catch (const base::Error& error) {
    throw base::Error(std::string(error.what()) + "; " + remedy);
  }
}

}  // namespace clb::sweep
