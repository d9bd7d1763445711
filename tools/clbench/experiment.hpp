// From the words and options of a verb to a plan.
#pragma once

#include <clb/plan/plan.hpp>
#include <optional>

#include "catalogue.hpp"
#include "options.hpp"

namespace clb::cli {

struct OtherMachine {
  int64_t cores = 1;  // threads of a run where the experiment does not say
  bool has_card = false;
};

struct PlanFor {
  bool missing_ok = false;                     // data and weights that are not there are listed in the plan instead of refused
  std::optional<OtherMachine> elsewhere = {};  // that the runs are for; none: this one
};

// `name` is an experiment file or METHOD/PRESET. Prints the plan's warnings on stderr.
plan::Plan plan_experiment(const std::string& name, const Options& options, InstalledCatalogue& catalogue, const PlanFor& what = {});

}  // namespace clb::cli
