// Method parameters: what the experiment and the preset say, checked against the plugin's schema and spread into a grid.
#pragma once

#include <clb/base/describe.hpp>
#include <string>
#include <vector>

#include "toml.hpp"

namespace clb::plan {

struct ParamSet {
  base::Json values;          // every parameter of the method
  uint64_t capabilities = 0;  // implied by these values
};

// One set per point of the grid, the first written parameter slowest. A list for a scalar parameter, or a list of lists for a list
// parameter, is an axis of the grid. Error: unknown parameter (with a suggestion), wrong type, outside the range, no such choice.
std::vector<ParamSet> param_grid(const Table& params, const base::MethodInfo& method);

// Values of a dataset's parameters, without those that are neutral; one of each, for a dataset is no axis. The same Errors.
base::Json dataset_params(const Table& params, const std::vector<base::ParamInfo>& schema, const std::string& dataset);

}  // namespace clb::plan
