// What papers conclude from their tables, read from results/reference/claims.toml: one group of methods is better than another.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace clb::reference {

struct Group {
  std::string name;                  // "prompt-based"
  std::vector<std::string> methods;  // plugin ids, also of methods that have no plugin yet
};

struct Claim {
  std::string name, citation;
  std::string metric;   // id of the registry
  int64_t least = 1;    // fewest methods of either group that can tell
  Group first, second;  // the first is said to be better
};

// Error with FILE:line:column for what is misspelt, missing or out of range.
std::vector<Claim> read_claims(const std::filesystem::path& file);

}  // namespace clb::reference
