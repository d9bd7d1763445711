// A value of a plugin's parameter as TOML has it, checked against what the plugin says of the parameter.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/base/toml/node.hpp>
#include <string>

namespace clb::base::toml {

// In the JSON type of the parameter (1 of a float is 1.0). Error at the value's place when type, range or choice does not fit. `what` names
// the value in the sentence.
Json param_value(const ParamInfo& param, const Node& node, const std::string& what);

}  // namespace clb::base::toml
