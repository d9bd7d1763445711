// Reading what a sweep wrote itself, and what another hand may have changed since.
#pragma once

#include <clb/base/file.hpp>
#include <clb/base/json.hpp>

namespace clb::sweep {

inline base::Json read_own(const std::filesystem::path& file) {
  constexpr uint64_t kMostBytes = uint64_t{1} << 30;  // a slot of many runs, each completely resolved
  return base::parse_json(base::read_file(file, kMostBytes), file.string());
}

}  // namespace clb::sweep
