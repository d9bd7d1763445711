// [assets.NAME]: files and data sets beside weights and data that methods declare (clb/ext/assets.h); and what a run with a text tower is
// told.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/plan/catalogue.hpp>
#include <clb/plan/plan.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "toml.hpp"
#include "weights.hpp"

namespace clb::plan {

struct AssetEntry {
  std::string name, file, sha256;
  std::optional<base::DatasetSpec> dataset;  // in place of a file
  Place place;                               // of the name
};

// Error: no such file (unless `plan` wants it listed), no digest, another digest than the file's; for a data set as for [dataset].
std::vector<AssetEntry> read_assets(const Node& root, const std::filesystem::path& experiment_folder, const PlanOptions& options,
                                    Catalogue& catalogue, Plan& plan);

// Error when there is one that none of `methods` declares.
void check_assets(const std::vector<AssetEntry>& assets, const std::vector<const base::MethodInfo*>& methods);

// Gives the run those that the method declares, and no others.
void attach_assets(const std::vector<AssetEntry>& assets, const base::MethodInfo& method, base::RunSpec& run);

// Gives the run of a method that claims text_tower the names of the classes as people read them and templates, and each of its text towers
// a vocabulary: that of the network, else CLIP's own, which ships (share/assets/clip_bpe). networks: those of run.weights, in their order.
// Error: there is no such file.
void attach_text(const base::DatasetInfo& dataset, const std::vector<WeightsEntry>& networks, const std::filesystem::path& share,
                 Catalogue& catalogue, base::RunSpec& run);

}  // namespace clb::plan
