// How the field writes a metric, in short: "Ā", "A_last" (what follows '_' stands below). A metric without a sign of its own goes by its
// id.
#pragma once

#include <string_view>

namespace clb::metrics {

std::string_view symbol_of(std::string_view id);

}  // namespace clb::metrics
