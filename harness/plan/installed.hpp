// Ids that an experiment names, looked up among the installed plugins.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/plan/catalogue.hpp>
#include <string>

#include "toml.hpp"

namespace clb::plan {

// Error at the id's place: none with this id (with a suggestion), or what the catalogue says when it cannot be used; `remedy` ends that
// sentence.
base::MethodInfo installed_method(const Node& id, Catalogue& catalogue);
base::DatasetInfo installed_dataset(const Node& id, const std::string& root, const base::Json& params, Catalogue& catalogue,
                                    const std::string& remedy);
base::Json installed_dataset_params(const Node& id, const Table& params, Catalogue& catalogue);  // without those that are neutral

}  // namespace clb::plan
