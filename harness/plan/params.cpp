#include "params.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/toml/param_value.hpp>
#include <clb/plan/settings.hpp>

#include "limits.hpp"
#include "overrides.hpp"
#include "toml.hpp"

namespace clb::plan {
namespace {

using base::Json;
using base::ParamInfo;

bool is_list(const ParamInfo& param) { return param.type == "int_list" || param.type == "float_list" || param.type == "string_list"; }

bool is_axis(const ParamInfo& param, const Node& node) {
  const List* list = node.list();
  if (!list) return false;
  return !is_list(param) || (!list->empty() && std::any_of(list->begin(), list->end(), [](const Node& n) { return n.list(); }));
}

std::vector<Json> values_of(const ParamInfo& param, const Node& node, const std::string& what) {
  if (!is_axis(param, node)) return {base::toml::param_value(param, node, what)};
  if (node.list()->empty()) fail(node.place, fmt::format("{} must not be an empty list", what));
  std::vector<Json> values;
  for (const Node& element : *node.list()) values.push_back(base::toml::param_value(param, element, "each element of " + what));
  return values;
}

// Defaults in the same JSON types as values from a file, so that writing a default out changes no key.
Json default_of(const ParamInfo& param) {
  if (param.type == "float" && param.default_value.is_number()) return param.default_value.get<double>();
  if (param.type == "float_list" && param.default_value.is_array()) {
    Json list = Json::array();
    for (const Json& element : param.default_value) list.push_back(element.is_number() ? Json(element.get<double>()) : element);
    return list;
  }
  return param.default_value;
}

const ParamInfo& find_param(const std::vector<ParamInfo>& params, const std::string& plugin, const Entry& entry) {
  std::vector<std::string> names;
  for (const ParamInfo& param : params) {
    if (param.name == entry.key) return param;
    names.push_back(param.name);
  }
  fail(entry.key_place, fmt::format("{} has no parameter \"{}\"{}", plugin, entry.key,
                                    names.empty() ? "; it has none" : suggestion(entry.key, names, "its parameters")));
}

}  // namespace

std::vector<ParamSet> param_grid(const Table& params, const base::MethodInfo& method) {
  Json defaults = Json::object();
  for (const ParamInfo& param : method.params) defaults[param.name] = default_of(param);
  std::vector<Json> grid = {defaults};
  for (const Entry& entry : params.entries()) {
    const ParamInfo& param = find_param(method.params, "method " + method.id, entry);
    const std::vector<Json> values = values_of(param, entry.value, "params." + entry.key);
    if (grid.size() * values.size() > kMaxRuns) fail(entry.value.place, fmt::format("the grid has more than {} points", kMaxRuns));
    std::vector<Json> finer;
    for (const Json& point : grid) {
      for (const Json& value : values) {
        finer.push_back(point);
        finer.back()[entry.key] = value;
      }
    }
    grid = std::move(finer);
  }
  std::vector<ParamSet> sets;
  for (Json& point : grid) {
    const uint64_t capabilities = base::implied_capabilities(method.params, point);
    Json kept = base::without_neutral(point, method.params);
    sets.push_back({std::move(point), std::move(kept), capabilities});
  }
  return sets;
}

base::Json settings(const std::vector<std::string>& assignments, const std::vector<ParamInfo>& schema, const std::string& plugin) {
  Json values = Json::object();
  for (const std::string& assignment : assignments) {
    Place place;
    place.source = std::make_shared<const std::string>("--set " + assignment);
    const size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) fail(place, "expected PARAMETER=VALUE, for example epochs=1");
    Entry entry{assignment.substr(0, equals), place, parse_value(assignment.substr(equals + 1), place)};
    const ParamInfo& param = find_param(schema, plugin, entry);
    const bool words = param.type == "choice" || param.type == "string";
    if (words && !std::holds_alternative<std::string>(entry.value.value)) entry.value.value = assignment.substr(equals + 1);  // fault=nan
    values[entry.key] = base::toml::param_value(param, entry.value, entry.key);
  }
  return values;
}

base::Json dataset_params(const Table& params, const std::vector<ParamInfo>& schema, const std::string& dataset) {
  Json values = Json::object();
  for (const ParamInfo& param : schema) values[param.name] = default_of(param);
  for (const Entry& entry : params.entries()) {
    const ParamInfo& param = find_param(schema, "dataset " + dataset, entry);
    values[entry.key] = base::toml::param_value(param, entry.value, "dataset.params." + entry.key);
  }
  return base::without_neutral(std::move(values), schema);
}

}  // namespace clb::plan
