// Members of a stored JSON that may be that of an older clbench: whatever is absent or of another type is empty.
#pragma once

#include <clb/base/json.hpp>
#include <cstdint>
#include <string>

namespace clb::base {

// pointer: "/method/id"
std::string text_at(const Json& json, const char* pointer);  // a string as it is, another value as its canonical text, else ""
int64_t integer_at(const Json& json, const char* pointer);   // else 0
bool flag_at(const Json& json, const char* pointer);         // else false
Json list_at(const Json& json, const char* pointer);         // else []

}  // namespace clb::base
