// The TOML documents of base under their short names.
#pragma once

#include <clb/base/toml/node.hpp>
#include <clb/base/toml/reader.hpp>
#include <clb/base/toml/sentence.hpp>

namespace clb::plan {

using namespace base::toml;

}  // namespace clb::plan
