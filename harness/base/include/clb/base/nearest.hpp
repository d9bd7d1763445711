// "Did you mean": the known name that is most like a mistyped one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clb::base {

// The nearest of `known`, empty when none is near: one edit in names of up to 4 letters, two up to 8, else three.
std::string nearest(std::string_view name, const std::vector<std::string>& known);

}  // namespace clb::base
