// Members of RunSpec that came after runs had been stored without them. Each has a neutral value, which means "as before this existed": a
// member with that value is neither written nor hashed, and one that is absent has it. So a new member changes no key, no table and no
// series of a run that does not use it, and a spec of before is read without further code. HACKING.md, "A member of RunSpec", says how to
// add one.
#pragma once

#include <clb/base/json.hpp>
#include <cstdint>
#include <string_view>
#include <vector>

namespace clb::base {

// What a member decides: nothing of a result; the run (its key); also beside which runs its numbers may stand (the comparability key).
enum class Decides { kNothing, kRun, kTable };

struct NeutralMember {
  std::string_view object;  // "run", "method", "dataset", "weights" (each of them), "random" (weights), "protocol", "recipe", "execution"
  std::string_view name;
  Json neutral;     // never changes: keys depend on it
  int64_t since;    // the spec version that this member made; a spec that has it says at least this
  Decides decides;  // of "protocol", "recipe" and "random" every member decides the run at least
};

// The table: one line per member, oldest first.
const std::vector<NeutralMember>& neutral_members();

// The neutral value of a member that may be absent, else nullptr.
const Json* neutral_of(std::string_view object, std::string_view name, const std::vector<NeutralMember>& table = neutral_members());

// `json`, an object of that kind, without the members that have their neutral value.
Json without_neutral(std::string_view object, Json json, const std::vector<NeutralMember>& table = neutral_members());

}  // namespace clb::base
