#include "network_fit.hpp"

#include <fmt/format.h>

#include <clb/base/error.hpp>

namespace clb::plan {

void check_images(const std::vector<WeightsEntry>& weights, const base::TransformRecipe& eval, const Place& place) {
  const base::ImageSize size = eval.output_size();
  if (size.area() == 0)
    fail(place,
         fmt::format("the evaluation transform \"{}\" gives images of no fixed size; it needs a crop or a square resize", eval.name));
  for (const WeightsEntry& entry : weights) {
    if (!entry.shape) continue;
    if (entry.shape->channels != 3)
      fail(entry.place,
           fmt::format("the network of [weights.{}] takes images of {} channels, expected 3", entry.spec.role, entry.shape->channels));
    const int64_t patch = entry.shape->patch, patches = entry.shape->grid().area();
    const int64_t wanted = size.height / patch * (size.width / patch);
    if (size.height % patch != 0 || size.width % patch != 0)
      fail(place, fmt::format("the evaluation transform \"{}\" gives images of {}, which the network of [weights.{}] cannot cut into "
                              "patches of side {}; choose a multiple",
                              eval.name, base::size_text(size), entry.spec.role, patch));
    if (!entry.shape->grid().square() && wanted != patches)
      fail(place, fmt::format("the evaluation transform \"{}\" gives images of {}, {} patches for the network of [weights.{}], which has "
                              "positions for {} that are no square grid; choose images of the size that it was made for",
                              eval.name, base::size_text(size), wanted, entry.spec.role, patches));
  }
}

void check_counts(const MethodEntry& method, const ParamSet& params, const std::vector<WeightsEntry>& weights, bool features) {
  for (const base::ParamInfo& param : method.info.params) {
    if (param.counts != "blocks") continue;
    const int64_t wanted = params.values.at(param.name).get<int64_t>();
    if (features && wanted > 0)
      fail(method.place, fmt::format("method {}: {} = {}, but feature vectors come from no blocks; set params = {{ {} = 0 }}",
                                     method.info.id, param.name, wanted, param.name));
    for (const WeightsEntry& entry : weights)
      if (entry.spec.role == "main" && entry.shape && wanted > entry.shape->depth)
        fail(method.place,
             fmt::format("method {}: {} = {}, but the network of [weights.main] has {} blocks; set params = {{ {} = {} }} or less",
                         method.info.id, param.name, wanted, entry.shape->depth, param.name, entry.shape->depth));
  }
}

}  // namespace clb::plan
