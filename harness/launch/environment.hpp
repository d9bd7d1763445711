// The environment of a process that is started.
#pragma once

#include <clb/launch/spawn.hpp>
#include <string>
#include <vector>

namespace clb::launch {

std::vector<std::string> merged_environment(const Spawn& what);  // "NAME=value"; what was added is in the place of what was there

}  // namespace clb::launch
