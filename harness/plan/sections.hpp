// [dataset] and [run].
#pragma once

#include <clb/base/describe.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/plan/catalogue.hpp>
#include <clb/plan/plan.hpp>
#include <filesystem>
#include <vector>

#include "toml.hpp"

namespace clb::plan {

struct DatasetEntry {
  base::DatasetSpec spec;
  base::DatasetInfo info;
};

// Opens each dataset through the catalogue; Error when its folder is missing (unless `plan` wants it listed) or a subset is larger than a
// class.
std::vector<DatasetEntry> read_datasets(const Node& root, const std::filesystem::path& experiment_folder, const PlanOptions& options,
                                        Catalogue& catalogue, Plan& plan);

// One data set at another place of the experiment than [dataset]: by name, or as a table with the keys of an element of dataset.sequence.
// `name`: the place, as sentences and --set call it.
DatasetEntry read_named_dataset(const Node& node, const std::string& name, const std::filesystem::path& experiment_folder,
                                const PlanOptions& options, Catalogue& catalogue, Plan& plan);

struct RunSection {
  base::RunSpec spec;  // precision, device, threads, checkpoint, track, loader_threads, store_limit, keep_logits
  Place precision_place;
  std::vector<int64_t> seeds;
};

// Every key has a default, so [run] may be missing.
RunSection read_run(const Node& root, const PlanOptions& options);

}  // namespace clb::plan
