// aliases.toml: the names of data sets and weights.
#pragma once

#include <clb/reference/reference.hpp>

namespace clb::reference {

Aliases read_aliases(const std::filesystem::path& file);

}  // namespace clb::reference
