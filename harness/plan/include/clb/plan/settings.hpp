// What NAME=VALUE says of a plugin's parameters outside an experiment, checked as in one.
#pragma once

#include <clb/base/describe.hpp>
#include <string>
#include <vector>

namespace clb::plan {

// Values of the parameters that are named; VALUE has TOML syntax or is a plain string. `plugin`: "method l2p". Error (with the setting as
// its place): no such parameter, wrong type, outside the range, no such choice.
base::Json settings(const std::vector<std::string>& assignments, const std::vector<base::ParamInfo>& schema, const std::string& plugin);

}  // namespace clb::plan
