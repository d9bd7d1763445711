#include "params.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/plugin_meta.hpp>
#include <clb/base/toml/param_value.hpp>
#include <clb/base/toml/sentence.hpp>

namespace clb::python {
namespace {

using base::ParamInfo;
using base::toml::fail;
using base::toml::Node;
using base::toml::Reader;

const std::vector<std::string> kTypes{"bool", "int", "float", "string", "choice", "int_list", "float_list", "string_list"};
const std::vector<std::string> kKeys{"name", "type", "default", "help", "range", "choices", "neutral", "group", "counts", "implies"};

const Node& needed(const Reader& reader, const std::string& key, const std::string& example) {
  if (const Node* node = reader.find(key)) return *node;
  fail(reader.place(), fmt::format("this [[param]] needs {}, for example {} = {}", key, key, example));
}

void read_range(const Reader& reader, ParamInfo& param) {
  const Node* range = reader.find("range");
  if (range == nullptr) return;
  if (!param.type.starts_with("int") && !param.type.starts_with("float"))
    fail(range->place, fmt::format("a parameter of type {} has no range; leave it out", param.type));
  const auto ends = base::toml::to_number_list(*range, "range", 2);
  if (ends[0] > ends[1] || (ends[0] == 0 && ends[1] == 0))
    fail(range->place, "range = [LEAST, MOST] holds no number that is not 0; exchange the two, or widen it");
  param.min = ends[0];
  param.max = ends[1];
}

void read_choices(const Reader& reader, ParamInfo& param) {
  const Node* choices = reader.find("choices");
  const bool may = param.type == "choice" || param.type == "string_list";
  if (choices == nullptr) {
    if (param.type == "choice") needed(reader, "choices", "[\"first\", \"second\"]");
    return;
  }
  if (!may) fail(choices->place, fmt::format("a parameter of type {} has no choices; leave them out", param.type));
  param.choices = read_names(*choices, "choices");
}

// implies = [{ when = true, capabilities = ["raw_replay"] }]
void read_implications(const Reader& reader, ParamInfo& param) {
  const Node* list = reader.find("implies");
  if (list == nullptr) return;
  if (!list->list()) fail(list->place, "implies must be a list, for example [{ when = true, capabilities = [\"raw_replay\"] }]");
  for (const Node& one : *list->list()) {
    const Reader table(one, "implies");
    base::toml::check_keys(table.table(), "implies", {"when", "capabilities"});
    const Node& when = table.at("when", "true");
    param.implications.emplace_back(base::toml::param_value(param, when, "when"),
                                    read_capabilities(table.at("capabilities", "[\"raw_replay\"]"), "capabilities"));
  }
}

ParamInfo read_param(const Node& node) {
  const Reader reader(node, "param");
  base::toml::check_keys(reader.table(), "param", kKeys);
  ParamInfo param;
  const Node& name = needed(reader, "name", "\"lr\"");
  param.name = base::toml::to_string(name, "name");
  if (!base::is_plugin_id(param.name)) fail(name.place, "a parameter's name must look like [a-z][a-z0-9_]*");
  param.type = base::toml::to_choice(needed(reader, "type", "\"float\""), "type", kTypes);
  const Node& help = needed(reader, "help", "\"learning rate\"");
  param.help = base::toml::to_string(help, "help");
  if (param.help != base::toml::one_line(param.help)) fail(help.place, "help must be one sentence on one line");
  read_range(reader, param);
  read_choices(reader, param);
  param.default_value = base::toml::param_value(param, needed(reader, "default", "0.1"), "default");
  if (const Node* neutral = reader.find("neutral")) param.neutral = base::toml::param_value(param, *neutral, "neutral");
  param.group = reader.string("group", "");
  param.counts = reader.choice("counts", "", {"blocks"});
  if (!param.counts.empty() && param.type != "int") fail(reader.place(), "counts = \"blocks\" is for parameters of type int");
  read_implications(reader, param);
  return param;
}

}  // namespace

std::vector<std::string> read_names(const Node& list, const std::string& what) {
  if (!list.list()) fail(list.place, fmt::format("{} must be a list of texts, found {}", what, list.in_words()));
  std::vector<std::string> names;
  for (const Node& element : *list.list()) {
    names.push_back(base::toml::to_string(element, "each element of " + what));
    if (std::count(names.begin(), names.end(), names.back()) > 1)
      fail(element.place, fmt::format("{} names \"{}\" twice", what, names.back()));
  }
  return names;
}

uint64_t read_capabilities(const Node& list, const std::string& what) {
  uint64_t bits = 0;
  const auto names = read_names(list, what);
  for (size_t k = 0; k < names.size(); ++k) {
    const uint64_t bit = base::capability_bit(names[k]);
    if (bit == 0)
      fail((*list.list())[k].place,
           fmt::format("there is no capability \"{}\"{}", names[k], base::toml::suggestion(names[k], base::known_capabilities(), "there")));
    bits |= bit;
  }
  return bits;
}

std::vector<ParamInfo> read_params(const Node& list) {
  if (!list.list()) fail(list.place, "parameters are tables [[param]], one for each");
  std::vector<ParamInfo> params;
  for (const Node& node : *list.list()) {
    ParamInfo param = read_param(node);
    for (const ParamInfo& other : params)
      if (other.name == param.name) fail(node.place, fmt::format("the parameter \"{}\" is declared twice; leave one", param.name));
    params.push_back(std::move(param));
  }
  return params;
}

}  // namespace clb::python
