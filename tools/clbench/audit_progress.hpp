// A line on stderr every few seconds while an audit is on.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>

namespace clb::cli {

std::function<void(size_t done, size_t all)> audit_progress(const std::filesystem::path& file);

}  // namespace clb::cli
