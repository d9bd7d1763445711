#include <clb/base/json_at.hpp>

namespace clb::base {
namespace {

const Json* find(const Json& json, const char* pointer) {
  const Json::json_pointer path(pointer);
  return json.contains(path) ? &json.at(path) : nullptr;
}

}  // namespace

std::string text_at(const Json& json, const char* pointer) {
  const Json* value = find(json, pointer);
  if (!value || value->is_null()) return {};
  return value->is_string() ? value->get<std::string>() : canonical(*value);
}

int64_t integer_at(const Json& json, const char* pointer) {
  const Json* value = find(json, pointer);
  return value && value->is_number_integer() ? value->get<int64_t>() : 0;
}

bool flag_at(const Json& json, const char* pointer) {
  const Json* value = find(json, pointer);
  return value && value->is_boolean() && value->get<bool>();
}

Json list_at(const Json& json, const char* pointer) {
  const Json* value = find(json, pointer);
  return value && value->is_array() ? *value : Json::array();
}

}  // namespace clb::base
