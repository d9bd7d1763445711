// What the plan asks about plugins. The launcher's side implements it (it can start `clb-runner describe`); tests implement it with
// constants.
#pragma once

#include <clb/base/describe.hpp>
#include <string>
#include <vector>

namespace clb::plan {

class Catalogue {
 public:
  virtual ~Catalogue() = default;
  virtual std::vector<std::string> method_ids() const = 0;  // for suggestions
  virtual std::vector<std::string> dataset_ids() const = 0;
  // Why a plugin file of this id is there and refused (another ABI, another LibTorch); "" when there is none.
  virtual std::string refusal(const std::string&) const { return ""; }
  virtual base::MethodInfo method(const std::string& id) = 0;                             // Error when there is none or it does not load
  virtual base::DatasetInfo dataset(const std::string& id, const std::string& root) = 0;  // root "": the plugin's default; opens the files
  // Of a dataset, before its files are opened; and opened with values of them, without those that are neutral.
  virtual std::vector<base::ParamInfo> dataset_params(const std::string&) { return {}; }
  virtual base::DatasetInfo dataset_with(const std::string& id, const std::string& root, const base::Json&) { return dataset(id, root); }
  virtual std::string file_sha256(const std::string& file) = 0;  // cached
};

}  // namespace clb::plan
