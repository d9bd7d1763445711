// A data set as a file of share/datasets knows it, beside what a plugin says that lies in a folder.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/known_data/known.hpp>
#include <string>

namespace clb::known_data {

// What can be planned with: classes and domains, no counts, a fingerprint that no data has.
base::DatasetInfo planned_info(const Known& known, const std::string& root);

// Official orders that the file states beside those of the plugin. Error at a name that the data do not have.
void add_orders(const Known& known, base::DatasetInfo& info);

// "" when the counts are those of the split, else a sentence. `params`: what the plugin was opened with.
std::string difference(const Known& known, const base::DatasetInfo& found, const base::Json& params);

}  // namespace clb::known_data
