// What papers conclude from their tables, read from results/reference/claims.toml: one group of methods is better than another, or loses
// less where the same classes come in more tasks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace clb::reference {

struct Group {
  std::string name;                             // "prompt-based"
  std::vector<std::string> methods;             // plugin ids, also of methods that have no plugin yet
  std::map<std::string, std::string> params{};  // only rows with these values of parameters
};

struct Claim {
  std::string name, citation;
  std::string metric;            // id of the registry
  int64_t least = 1;             // fewest methods of either group that can tell
  Group first, second;           // the first is said to be better
  std::vector<int64_t> tasks{};  // two numbers: what is compared is the change of the metric from the one number of tasks to the other
};

// Error with FILE:line:column for what is misspelt, missing or out of range.
std::vector<Claim> read_claims(const std::filesystem::path& file);

}  // namespace clb::reference
