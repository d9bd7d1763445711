// Whether networks, images and methods go together; what does not is found here and not by each run.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/base/recipe.hpp>
#include <vector>

#include "presets.hpp"
#include "weights.hpp"

namespace clb::plan {

// Images as the evaluation transform leaves them must be cut into whole patches by every network, and be of one size. `specs`: the weights
// as a run gets them, of which some may have a transform of their own.
void check_images(const std::vector<WeightsEntry>& weights, const std::vector<base::WeightsSpec>& specs, const base::TransformRecipe& eval,
                  const Place& place);

// Parameters that count blocks (ParamInfo::counts) must not exceed what the network of [weights.main] has; `features`: the data are
// vectors, which have no blocks.
void check_counts(const MethodEntry& method, const ParamSet& params, bool features);

}  // namespace clb::plan
