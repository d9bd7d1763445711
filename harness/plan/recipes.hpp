// Transform recipes: named TOML files with tables [train] and [eval], and [dataset.ID.train] / [dataset.ID.eval] that replace them for one
// dataset. `resampler`, `antialias`, `mean` and `std` at the top level hold for every table that does not give its own.
#pragma once

#include <clb/base/recipe.hpp>
#include <filesystem>
#include <string>

#include "toml.hpp"

namespace clb::plan {

enum class View { kTrain, kEval };

// The recipe whose name the node holds, from `folder`, as `dataset_id` uses it; `what` names the node ("protocol.eval_transform"). An
// [eval] table must be deterministic.
base::TransformRecipe load_recipe(const std::filesystem::path& folder, const Node& name, const std::string& what, View view,
                                  const std::string& dataset_id);

}  // namespace clb::plan
