// What a plugin says of itself.

#include <clb/base/error.hpp>
#include <set>

#include <c10/util/StringUtil.h>

#include "checks.hpp"

namespace clb::conformance {
namespace {

bool is_name(const std::string& name) {
  if (name.empty() || name[0] < 'a' || name[0] > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

void check_parameter(const base::ParamInfo& p) {
  if (!is_name(p.name)) throw Failure{"parameter '" + p.name + "' is no name of the form [a-z][a-z0-9_]*"};
  if (p.help.empty()) throw Failure{"parameter " + p.name + " has no sentence that explains it"};
  const bool ranged = p.min != 0 || p.max != 0;
  if (p.min > p.max) throw Failure{"parameter " + p.name + " has an empty range"};
  const std::set<std::string> choices(p.choices.begin(), p.choices.end());
  if (choices.size() != p.choices.size()) throw Failure{"parameter " + p.name + " offers a choice twice"};
  const auto expect_allowed = [&](const char* which, const base::Json& value) {
    if (value.is_number() && ranged && (value.get<double>() < p.min || value.get<double>() > p.max))
      throw Failure{
          c10::str("the ", which, " of parameter ", p.name, ", ", value.get<double>(), ", lies outside its range ", p.min, " to ", p.max)};
    if (p.type == "choice" && value.is_string() && !choices.contains(value.get<std::string>()))
      throw Failure{c10::str("the ", which, " of parameter ", p.name, " is none of its choices")};
  };
  expect_allowed("default", p.default_value);
  expect_allowed("neutral value", p.neutral);
}

}  // namespace

std::string descriptor(const Subject& subject) {
  if (subject.info.paper.empty()) throw Failure{"the method names no paper"};
  if (subject.info.state_version < 1) throw Failure{"state_version must be at least 1"};
  std::set<std::string> names;
  for (const base::ParamInfo& p : subject.info.params) {
    if (!names.insert(p.name).second) throw Failure{"parameter " + p.name + " is declared twice"};
    check_parameter(p);
  }
  return c10::str(subject.info.id, " ", subject.info.version, ", ", subject.info.params.size(), " parameters");
}

}  // namespace clb::conformance
