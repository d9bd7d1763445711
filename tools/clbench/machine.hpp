// This machine, as a row of the store describes it.
#pragma once

#include <clb/store/store.hpp>

namespace clb::cli {

store::Machine this_machine();
int64_t usable_cores();   // of this process's affinity mask
std::string bf16_form();  // base/precision.hpp

}  // namespace clb::cli
