// A data set by its name alone, without an experiment: `clbench data verify`, `clbench info`.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/known_data/known.hpp>
#include <clb/plan/catalogue.hpp>
#include <string>
#include <vector>

namespace clb::plan {

struct OpenedByName {
  base::DatasetInfo info;
  std::string difference;      // from what is known of it, a sentence; "": none
  bool counts_stated = false;  // how many images there should be is known
};

// With the parameters that the name stands for, and over them `assignments`, PARAMETER=VALUE each. root "": the plugin's default. Error:
// what the plugin says of files that it cannot read, or of a parameter that it does not have.
OpenedByName open_by_name(const known_data::Known& known, const std::string& root, const std::vector<std::string>& assignments,
                          Catalogue& catalogue);

}  // namespace clb::plan
