// What share/datasets/NAME.toml says of a data set of the field: enough to plan for it where it is not there, and to see that a folder is
// it.
#pragma once

#include <clb/base/describe.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "toml.hpp"

namespace clb::plan {

struct KnownDataset {
  std::string name, plugin;
  int64_t classes = 0, train = 0, test = 0;  // images; 0: not known
  std::vector<std::string> domains;
  std::vector<std::pair<std::string, Node>> class_orders, domain_orders;  // official ones, lists of names
  std::vector<std::string> names, templates;  // of the classes in the order of their ids, for text towers; none: the plugin's own
  std::string get;                            // how to get it, a sentence
};

// `name` as an experiment writes it. Nothing: there is no such file.
std::optional<KnownDataset> known_dataset(const std::filesystem::path& share, const std::string& name);

// What can be planned with: classes and domains, no counts, a fingerprint that no data has.
base::DatasetInfo planned_info(const KnownDataset& known, const std::string& root);

// Official orders that the data set's description states beside those of the plugin. Error at a name that the data do not have.
void add_orders(const KnownDataset& known, base::DatasetInfo& info);

// "" when the counts are those of the data set, else a sentence.
std::string difference(const KnownDataset& known, const base::DatasetInfo& found);

}  // namespace clb::plan
