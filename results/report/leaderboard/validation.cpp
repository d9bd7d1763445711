// Results of `clbench validate --json`, as badges read them.
#include <clb/base/error.hpp>
#include <clb/report/leaderboard.hpp>

namespace clb::report {

using base::Json;

Validation Validation::from_json(const Json& json, const std::string& file) try {
  Validation v{
      .plugin_hash = json.at("plugin_hash"), .params = json.at("params"), .declared = {}, .all = json.at("all"), .leaks = {}, .others = {}};
  for (const auto& [name, unused] : json.at("declared").items()) v.declared.insert(name);
  for (const Json& row : json.at("checks")) {
    const std::string status = row.at("status"), check = row.at("check"), remark = row.at("remark");
    const bool leak = row.at("leak");
    if (leak && (status == "fail" || status == "expected")) v.leaks.emplace(check, remark);
    if (!leak && status == "fail") v.others.emplace(check, remark);
  }
  return v;
} catch (const Json::exception&) {
  throw base::Error(file + ": is not what `clbench validate PLUGIN.so --json` of this version prints; validate the plugin again");
}

bool Validation::speaks_of(const std::string& hash, const Json& of_run) const {
  if (hash != plugin_hash) return false;
  // A parameter that one of them does not name has its neutral value there.
  const auto within = [&](const Json& some, const Json& all) {
    for (const auto& [name, value] : some.items())
      if (!declared.contains(name) && (!all.contains(name) || all.at(name) != value)) return false;
    return true;
  };
  return within(of_run, params) && within(params, of_run);
}

}  // namespace clb::report
