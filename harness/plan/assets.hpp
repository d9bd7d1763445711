// [assets.NAME]: files beside weights and data that methods declare (clb/ext/assets.h); and what a run with a text tower is told.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/plan/catalogue.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "toml.hpp"

namespace clb::plan {

struct AssetEntry {
  std::string name, file, sha256;
  Place place;  // of the name
};

// Error: no such file (unless `missing` wants it listed), no digest, another digest than the file's.
std::vector<AssetEntry> read_assets(const Node& root, const std::filesystem::path& experiment_folder, Catalogue& catalogue,
                                    std::vector<std::string>* missing);

// Error when there is one that none of `methods` declares.
void check_assets(const std::vector<AssetEntry>& assets, const std::vector<const base::MethodInfo*>& methods);

// Gives the run those that the method declares, and no others.
void attach_assets(const std::vector<AssetEntry>& assets, const base::MethodInfo& method, base::RunSpec& run);

// Names of the classes as people read them and templates, for a method that claims text_tower.
base::TextSpec text_of(const base::DatasetInfo& dataset);

}  // namespace clb::plan
