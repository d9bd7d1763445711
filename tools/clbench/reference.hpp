// `clbench table --reference`: joins published numbers (results/reference), plugins and presets (plan) and runs (results/report).
#pragma once

#include <clb/report/table.hpp>
#include <string>

#include "options.hpp"

namespace clb::cli {

std::string reference_table(const Options& options, report::Format format);

}  // namespace clb::cli
