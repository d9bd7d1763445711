// From the words and options of a verb to a plan.
#pragma once

#include <clb/plan/plan.hpp>

#include "catalogue.hpp"
#include "options.hpp"

namespace clb::cli {

struct PlanFor {
  bool missing_ok = false;  // data and weights that are not there are listed in the plan instead of refused
  int64_t cores = 0;        // of another machine that the runs are for, and threads of a run where the experiment does not say; 0: this one
};

// `name` is an experiment file or METHOD/PRESET. Prints the plan's warnings on stderr.
plan::Plan plan_experiment(const std::string& name, const Options& options, InstalledCatalogue& catalogue, const PlanFor& what = {});

}  // namespace clb::cli
