// A data set by its name alone, without an experiment: `clbench data verify`.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/known_data/known.hpp>
#include <clb/plan/catalogue.hpp>
#include <string>

namespace clb::plan {

struct OpenedByName {
  base::DatasetInfo info;
  std::string difference;  // from what is known of it, a sentence; "": none
};

// With the parameters that the name stands for. root "": the plugin's default. split "": the one that the name stands for. Error: what the
// plugin says of files that it cannot read.
OpenedByName open_by_name(const known_data::Known& known, const std::string& root, const std::string& split, Catalogue& catalogue);

}  // namespace clb::plan
