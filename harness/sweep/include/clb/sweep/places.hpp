// The paths in a sweep. Those of files that belong to clbench are written as "{clbench}/..." and stand for whatever installation reads
// them. The others (data, weights, assets, plugins of the user's) stand in places.json, each beside where it lies here: a person who moves
// the sweep to another machine changes the right side, and nothing else.
#pragma once

#include <clb/base/run_spec.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

namespace clb::sweep {

// Every path of a run that its plan has looked up, but those of plugins, which are found by their ids.
void for_each_path(base::RunSpec& run, const std::function<void(std::string& path)>& change);
// Every data set that has a plugin: parts of a sequence, and assets that are data sets.
void for_each_dataset(base::RunSpec& run, const std::function<void(base::DatasetSpec& dataset)>& change);

class Places {
 public:
  Places() = default;
  explicit Places(const std::filesystem::path& file);  // Error: not of this form
  std::string text() const;                            // of the file

  std::string leaving(const std::string& path);            // as it is written; notes a place that is the user's
  std::string arriving(const std::string& written) const;  // where it lies here

 private:
  std::map<std::string, std::string> here_;  // as planned -> here
};

}  // namespace clb::sweep
