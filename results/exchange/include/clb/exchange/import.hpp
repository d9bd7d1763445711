// `clbench import`: rows measured elsewhere, as JSON whose form docs/exchange.md describes. They are kept apart from runs, because nothing
// of them can be recomputed.
#pragma once

#include <clb/store/store.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace clb::exchange {

// Every member is checked: presence, type, length, range, the metric's version. Unknown members are errors. `name` (the file) and the
// member's place ("rows[2].metrics.acc.last.sample.mean") open the sentence of the Error.
std::vector<store::ImportedRow> read_import(std::string_view text, const std::string& name);

}  // namespace clb::exchange
