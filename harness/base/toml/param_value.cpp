#include <fmt/format.h>

#include <clb/base/toml/param_value.hpp>
#include <clb/base/toml/reader.hpp>
#include <limits>

namespace clb::base::toml {
namespace {

bool has_range(const ParamInfo& param) { return param.min != 0 || param.max != 0; }
bool is_list(const ParamInfo& param) { return param.type == "int_list" || param.type == "float_list" || param.type == "string_list"; }

void check_range(const ParamInfo& param, double value, const Node& node, const std::string& what) {
  if (!has_range(param) || (value >= param.min && value <= param.max)) return;
  fail(node.place, fmt::format("{} must lie in [{}, {}], found {}", what, param.min, param.max, value));
}

Json number(const ParamInfo& param, const Node& node, const std::string& what, bool integer) {
  if (integer) {
    const int64_t value = to_int(node, what, std::numeric_limits<int64_t>::min(), kMaxInt);
    check_range(param, static_cast<double>(value), node, what);
    return value;
  }
  const double value = to_number(node, what);
  check_range(param, value, node, what);
  return value;
}

std::string text_value(const Node& node, const std::string& what) {
  const std::string* text = std::get_if<std::string>(&node.value);  // an empty string is a value here
  return text && text->empty() ? *text : to_string(node, what);
}

}  // namespace

Json param_value(const ParamInfo& param, const Node& node, const std::string& what) {
  if (param.type == "bool") return to_bool(node, what);
  if (param.type == "choice") return to_choice(node, what, param.choices);
  if (param.type == "int" || param.type == "float") return number(param, node, what, param.type == "int");
  if (param.type == "string") return text_value(node, what);
  if (!is_list(param)) fail(node.place, fmt::format("{} has type \"{}\", which this version does not know", what, param.type));
  const bool texts = param.type == "string_list";
  if (!node.list()) fail(node.place, fmt::format("{} must be a list of {}, found {}", what, texts ? "texts" : "numbers", node.in_words()));
  Json values = Json::array();
  if (texts) {
    const std::string each = "each element of " + what;
    for (const Node& element : *node.list())
      values.push_back(param.choices.empty() ? text_value(element, each) : to_choice(element, each, param.choices));
    return values;
  }
  for (const Node& element : *node.list()) values.push_back(number(param, element, "each element of " + what, param.type == "int_list"));
  return values;
}

}  // namespace clb::base::toml
