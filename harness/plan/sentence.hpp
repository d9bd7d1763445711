// Parts of a sentence: the place at its front, "did you mean" at its end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clb::plan {

// Control characters become spaces: what a file says may be quoted in a sentence, which is one line.
std::string one_line(std::string text);

// "small.toml:3:1: ", or nothing when the place is empty.
std::string lead(const std::string& where);

// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (optimal string alignment distance).
int edit_distance(std::string_view a, std::string_view b);

// The nearest of `known`, empty when none is near: one edit in names of up to 4 letters, two up to 8, else three.
std::string nearest(std::string_view name, const std::vector<std::string>& known);

// The end of a sentence about an unknown name: `; did you mean "x"?`, or `; WHAT are a, b, c` when nothing is near.
std::string suggestion(std::string_view name, const std::vector<std::string>& known, const std::string& what);

}  // namespace clb::plan
