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
  if (p.default_value.is_number() && ranged)
    if (const double value = p.default_value.get<double>(); value < p.min || value > p.max)
      throw Failure{c10::str("the default of parameter ", p.name, ", ", value, ", lies outside its range ", p.min, " to ", p.max)};
  if (p.type != "choice") return;
  const std::set<std::string> choices(p.choices.begin(), p.choices.end());
  if (choices.size() != p.choices.size()) throw Failure{"parameter " + p.name + " offers a choice twice"};
  if (!choices.contains(p.default_value.get<std::string>()))
    throw Failure{"the default of parameter " + p.name + " is none of its choices"};
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
