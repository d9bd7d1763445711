// A data set as a file of share/datasets knows it, beside what a plugin says that lies in a folder.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/known_data/known.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace clb::known_data {

// The split that parameters of the plugin name, else the one that `known` names; "": the plugin's default.
std::string split_in(const Known& known, const base::Json& params);

// What can be planned with: classes and domains of the split, no counts, a fingerprint that no data has.
base::DatasetInfo planned_info(const Known& known, const std::string& root, const base::Json& params);

// Files that belong to the split as they are, not unpacked, and are not in the folder (also not as .gz or .xz).
std::vector<std::string> absent_files(const Known& known, const std::filesystem::path& root, const std::string& split);

// Official orders that the file states beside those of the plugin. Error at a name that the data do not have.
void add_orders(const Known& known, base::DatasetInfo& info);

// What is known of the split that the plugin was opened with; of one that nobody describes the classes alone.
SplitFacts facts_of(const Known& known, const base::DatasetInfo& found, const base::Json& params);

// "" when classes, domains and counts are those of the split, else a sentence that says what is missing. `params`: what the plugin was
// opened with.
std::string difference(const Known& known, const base::DatasetInfo& found, const base::Json& params);

}  // namespace clb::known_data
