#include <algorithm>
#include <clb/data/views.hpp>

namespace clb::data {

Views::Views(Samples& samples, const base::RunSpec& run, torch::Device device, torch::ScalarType dtype) {
  const auto made = [&](const base::TransformRecipe& recipe) { return &made_by(recipe, samples, device, dtype); };
  const base::TransformRecipe &train = run.method.train_transform, &eval = run.protocol.eval_transform;
  by_role_[""] = {made(train), made(eval)};
  for (const base::WeightsSpec& weights : run.weights)
    by_role_[weights.role] = {made(weights.train_transform.value_or(train)), made(weights.eval_transform.value_or(eval))};
}

const Images& Views::made_by(const base::TransformRecipe& recipe, Samples& samples, torch::Device device, torch::ScalarType dtype) {
  const auto found = std::ranges::find_if(images_, [&](const auto& images) { return images->recipe() == recipe; });
  if (found != images_.end()) return **found;
  return *images_.emplace_back(std::make_unique<Images>(samples, recipe, device, dtype));
}

const Images& Views::at(const std::string& role, bool augmented) const {
  const auto found = by_role_.find(role);
  const Pair& pair = found != by_role_.end() ? found->second : by_role_.at("");
  return augmented ? *pair.augmented : *pair.evaluated;
}

}  // namespace clb::data
