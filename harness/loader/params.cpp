#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/loader/params.hpp>
#include <clb/sdk/error.hpp>
#include <cstring>
#include <iterator>

namespace clb::loader {
namespace {

using base::Json;

constexpr const char* kTypes[] = {"", "bool", "int", "float", "string", "choice", "int_list", "float_list", "string_list"};

const char* type_name(uint32_t type) { return type < std::size(kTypes) ? kTypes[type] : ""; }

uint32_t type_of(const std::string& name) {
  return static_cast<uint32_t>(std::find(std::begin(kTypes), std::end(kTypes), name) - std::begin(kTypes));
}

Json to_json(const clb_value& v) {
  switch (v.type) {
    case CLB_TYPE_BOOL:
      return v.as.i != 0;
    case CLB_TYPE_INT:
      return v.as.i;
    case CLB_TYPE_FLOAT:
      return v.as.f;
    case CLB_TYPE_STRING:
    case CLB_TYPE_CHOICE:
      return v.as.s;
    case CLB_TYPE_INT_LIST:
      return std::vector<int64_t>(v.as.ints, v.as.ints + v.count);
    case CLB_TYPE_FLOAT_LIST:
      return std::vector<double>(v.as.floats, v.as.floats + v.count);
    case CLB_TYPE_STRING_LIST:
      return std::vector<std::string>(v.as.strings, v.as.strings + v.count);
    default:
      return nullptr;
  }
}

bool has_value(const clb_value& v) {
  const bool text = v.type == CLB_TYPE_STRING || v.type == CLB_TYPE_CHOICE,
             list = v.type == CLB_TYPE_INT_LIST || v.type == CLB_TYPE_FLOAT_LIST || v.type == CLB_TYPE_STRING_LIST;
  if (list && v.count > 0 && v.as.ints == nullptr) return false;
  for (uint32_t k = 0; v.type == CLB_TYPE_STRING_LIST && k < v.count; ++k)
    if (v.as.strings[k] == nullptr) return false;
  return !text || v.as.s != nullptr;
}

clb_implication implication_at(const clb_param& p, uint32_t k) {
  clb_implication one{};
  const auto* at = reinterpret_cast<const char*>(p.implications) + size_t{k} * p.implication_stride;
  std::memcpy(&one, at, std::min<size_t>(reinterpret_cast<const clb_implication*>(at)->struct_size, sizeof one));
  return one;
}

// The pointers of element k lead somewhere; what they lead to is checked elsewhere.
void expect_complete(const clb_param& p, uint32_t k, const char* of_what) {
  bool good = p.name != nullptr && p.help != nullptr && has_value(p.default_value) && (p.implies == 0 || has_value(p.implied_when)) &&
              has_value(p.neutral);
  for (uint32_t c = 0; good && p.choices != nullptr && c < p.choice_count; ++c) good = p.choices[c] != nullptr;
  good = good && (p.implication_count == 0 || (p.implications != nullptr && p.implication_stride >= sizeof(uint32_t)));
  for (uint32_t c = 0; good && c < p.implication_count; ++c) good = has_value(implication_at(p, c).when);
  if (!good)
    throw PluginError(CLB_E_INVALID, "parameter " + std::to_string(k) + (p.name != nullptr ? " (" + std::string(p.name) + ")" : "") +
                                         " of the " + of_what + " has NULL for its name, help, a value or a choice");
  if (p.neutral.type != 0 && p.neutral.type != p.default_value.type)
    throw PluginError(CLB_E_INVALID,
                      "parameter " + std::string(p.name) + " of the " + of_what + " has a neutral value of another type than its default");
}

base::ParamInfo param_info(const clb_param& p) {
  base::ParamInfo info;
  info.name = p.name;
  info.type = type_name(p.default_value.type);
  info.help = p.help;
  info.default_value = to_json(p.default_value);
  info.min = p.min;
  info.max = p.max;
  if (p.choices != nullptr) info.choices.assign(p.choices, p.choices + p.choice_count);
  info.implies = p.implies;
  if (p.implies != 0) info.implied_when = to_json(p.implied_when);
  if (p.counts == CLB_COUNTS_BLOCKS) info.counts = "blocks";
  info.neutral = to_json(p.neutral);  // null where there is none
  if (p.group != nullptr) info.group = p.group;
  for (uint32_t k = 0; k < p.implication_count; ++k) {
    const clb_implication one = implication_at(p, k);
    info.implications.emplace_back(to_json(one.when), one.capabilities);
  }
  return info;
}

}  // namespace

clb_param param_at(const clb_param* params, uint32_t stride, uint32_t k) {
  clb_param p{};
  const auto* at = reinterpret_cast<const char*>(params) + size_t{k} * stride;
  std::memcpy(&p, at, std::min<size_t>(reinterpret_cast<const clb_param*>(at)->struct_size, sizeof p));
  return p;
}

std::vector<base::ParamInfo> params_info(const clb_param* params, uint32_t count, uint32_t stride, const char* of_what) {
  std::vector<base::ParamInfo> list;
  for (uint32_t k = 0; k < count; ++k) {
    const clb_param p = param_at(params, stride, k);
    expect_complete(p, k, of_what);
    list.push_back(param_info(p));
  }
  return list;
}

Settings::Settings(const clb_param* params, uint32_t count, uint32_t stride, const Json& values) {
  for (uint32_t k = 0; k < count; ++k) {
    const clb_param p = param_at(params, stride, k);
    const auto given = values.find(p.name);
    if (given == values.end() && p.neutral.type == 0)
      throw base::Error("the run has no value for the plugin's parameter \"" + std::string(p.name) + "\"");
    settings_.push_back(
        {sizeof(clb_setting), 0, p.name, given == values.end() ? p.neutral : values_.value(p.default_value.type, *given, p.name)});
  }
}

clb_value Values::value(uint32_t type, const Json& json, const std::string& name) try {
  clb_value v{.type = type, .count = 0, .as = {}};
  switch (type) {
    case CLB_TYPE_BOOL:
      v.as.i = json.get<bool>();
      break;
    case CLB_TYPE_INT:
      v.as.i = json.get<int64_t>();
      break;
    case CLB_TYPE_FLOAT:
      v.as.f = json.get<double>();
      break;
    case CLB_TYPE_INT_LIST:
      v.as.ints = int_lists_.emplace_back(json.get<std::vector<int64_t>>()).data();
      v.count = static_cast<uint32_t>(json.size());
      break;
    case CLB_TYPE_FLOAT_LIST:
      v.as.floats = float_lists_.emplace_back(json.get<std::vector<double>>()).data();
      v.count = static_cast<uint32_t>(json.size());
      break;
    case CLB_TYPE_STRING_LIST: {
      auto& list = text_lists_.emplace_back();
      for (const std::string& text : json.get<std::vector<std::string>>()) list.push_back(texts_.emplace_back(text).c_str());
      v.as.strings = list.data();
      v.count = static_cast<uint32_t>(list.size());
      break;
    }
    default:
      v.as.s = texts_.emplace_back(json.get<std::string>()).c_str();
  }
  return v;
} catch (const nlohmann::json::exception&) {
  throw base::Error("the plugin's parameter \"" + name + "\" has a value of the wrong type: " + json.dump());
}

Schema::Schema(const std::vector<base::ParamInfo>& params) {
  for (const base::ParamInfo& info : params) {
    const uint32_t type = type_of(info.type);
    auto& choices = choices_.emplace_back();
    for (const std::string& choice : info.choices) choices.push_back(values_.text(choice));
    auto& implications = implications_.emplace_back();
    for (const auto& [when, bits] : info.implications)
      implications.push_back({sizeof(clb_implication), 0, values_.value(type, when, info.name), bits});
    clb_param param{};
    param.struct_size = sizeof param;
    param.name = values_.text(info.name);
    param.help = values_.text(info.help);
    param.default_value = values_.value(type, info.default_value, info.name);
    param.min = info.min;
    param.max = info.max;
    param.choices = choices.empty() ? nullptr : choices.data();
    param.choice_count = static_cast<uint32_t>(choices.size());
    param.counts = info.counts == "blocks" ? CLB_COUNTS_BLOCKS : 0;
    if (!info.neutral.is_null()) param.neutral = values_.value(type, info.neutral, info.name);
    if (!info.group.empty()) param.group = values_.text(info.group);
    param.implications = implications.data();
    param.implication_count = static_cast<uint32_t>(implications.size());
    param.implication_stride = sizeof(clb_implication);
    params_.push_back(param);
  }
}

}  // namespace clb::loader
