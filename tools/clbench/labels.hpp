// Short names for runs, with what tells one from the others.
#pragma once

#include <clb/base/run_spec.hpp>
#include <string>
#include <utility>
#include <vector>

namespace clb::cli {

// For each (method id, parameters): "top_k=5", the parameters in which the entries of this method differ; empty when they do not.
std::vector<std::string> differing_params(const std::vector<std::pair<std::string, base::Json>>& methods);

// "l2p/small top_k=5 seed 1"; the dataset and the order's seed are named when there are several.
std::vector<std::string> run_labels(const std::vector<base::RunSpec>& runs);

std::string method_name(const base::MethodSpec& method);  // "l2p/small", "l2p" without a preset

}  // namespace clb::cli
