// Values that several files of the folder hold.
#pragma once

#include <clb/base/toml/reader.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace clb::reference {

inline constexpr uint64_t kMaxBytes = 1 << 20;  // of a file

std::vector<std::string> strings(const base::toml::Node& node, const std::string& what);  // of one string or a list of them
void check_metric(const std::string& id, const base::toml::Node& node);                   // the registry has it

}  // namespace clb::reference
