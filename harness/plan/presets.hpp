// [[method]] entries together with the presets they name (share/presets/<method>/<preset>.toml: [params], train_transform, experiment).
#pragma once

#include <clb/base/describe.hpp>
#include <clb/plan/catalogue.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "params.hpp"
#include "toml.hpp"
#include "weights.hpp"

namespace clb::plan {

struct MethodEntry {
  Place place;  // of the entry's id
  base::MethodInfo info;
  std::string preset;  // empty: none
  std::vector<ParamSet> grid;
  std::optional<bool> joint;            // the entry's, else the preset's; nullopt: as the protocol says
  std::optional<Node> train_transform;  // name of a recipe: the entry's, else the preset's; nullopt: that of the evaluation transform
  std::vector<WeightsEntry> weights{};  // of its roles, on a dataset of images
};

std::vector<MethodEntry> read_methods(const Node& root, const std::filesystem::path& share, Catalogue& catalogue);

// What "METHOD/PRESET" is run in: a shipped experiment (share/experiments/<experiment>.toml), or one that the preset's own file composes in
// its table [experiment].
struct PresetExperiment {
  std::filesystem::path file;
  bool composed = false;  // the file is the preset's
};
PresetExperiment preset_experiment(const std::string& method, const std::string& preset, const std::filesystem::path& share);

// The table [experiment] of the file of options.preset.
Node composed_experiment(const PlanOptions& options);

}  // namespace clb::plan
