// Parts of a sentence: the place at its front, "did you mean" at its end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clb::base::toml {

// Control characters become spaces: what a file says may be quoted in a sentence, which is one line.
std::string one_line(std::string text);

// "small.toml:3:1: ", or nothing when the place is empty.
std::string lead(const std::string& where);

// The end of a sentence about an unknown name: `; did you mean "x"?`, or `; WHAT are a, b, c` when nothing is near.
std::string suggestion(std::string_view name, const std::vector<std::string>& known, const std::string& what);

}  // namespace clb::base::toml
