// From the words and options of a verb to a plan.
#pragma once

#include <clb/plan/plan.hpp>

#include "catalogue.hpp"
#include "options.hpp"

namespace clb::cli {

// `name` is an experiment file or METHOD/PRESET. Prints the plan's warnings on stderr. missing_ok: data and weights that are not there are
// listed in the plan instead of refused.
plan::Plan plan_experiment(const std::string& name, const Options& options, InstalledCatalogue& catalogue, bool missing_ok = false);

}  // namespace clb::cli
