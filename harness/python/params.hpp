// The tables [[param]] of a header.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/base/toml/reader.hpp>
#include <vector>

namespace clb::python {

std::vector<base::ParamInfo> read_params(const base::toml::Node& list);

// Bits of a list of capability names. `what` names it.
uint64_t read_capabilities(const base::toml::Node& list, const std::string& what);
// A list of strings, each once.
std::vector<std::string> read_names(const base::toml::Node& list, const std::string& what);

}  // namespace clb::python
