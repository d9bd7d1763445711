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

namespace clb::plan {

struct MethodEntry {
  Place place;  // of the entry's id
  base::MethodInfo info;
  std::string preset;  // empty: none
  std::vector<ParamSet> grid;
  std::optional<bool> joint;            // the entry's, else the preset's; nullopt: as the protocol says
  std::optional<Node> train_transform;  // name of a recipe: the entry's, else the preset's; nullopt: that of the evaluation transform
};

std::vector<MethodEntry> read_methods(const Node& root, const std::filesystem::path& share, Catalogue& catalogue);

// The shipped experiment that "METHOD/PRESET" names (share/experiments/<experiment>.toml).
std::filesystem::path preset_experiment(const std::string& method, const std::string& preset, const std::filesystem::path& share);

}  // namespace clb::plan
