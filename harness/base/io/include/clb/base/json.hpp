// JSON: nlohmann's type with sorted keys, so that one value has one text (canonical for hashing).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace clb::base {

using Json = nlohmann::json;  // objects are std::map: keys are sorted

// Parses `text`; `name` (a file or "event line 12") opens the sentence of the Error when it is not JSON, repeats a
// member of an object, or is nested deeper than 64.
Json parse_json(std::string_view text, const std::string& name);

// The canonical text of a value: sorted keys, no spaces, shortest doubles; invalid UTF-8 is replaced.
std::string canonical(const Json& value);

// For people and files: indented; invalid UTF-8 is replaced.
std::string pretty(const Json& value);

}  // namespace clb::base
