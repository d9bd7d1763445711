// Parameters of plugins between the ABI and JSON: schemas as the plan sees them, settings as a plugin gets them.
#pragma once

#include <clb/param.h>

#include <clb/base/describe.hpp>
#include <deque>
#include <string>
#include <vector>

namespace clb::loader {

// Element k of a schema; members that the plugin's struct does not have yet are zero.
clb_param param_at(const clb_param* params, uint32_t stride, uint32_t k);

// A schema whose pointers lead somewhere; PluginError CLB_E_INVALID when one does not. of_what: "method", for the sentence.
std::vector<base::ParamInfo> params_info(const clb_param* params, uint32_t count, uint32_t stride, const char* of_what);

// Values of JSON as those of the ABI, whose pointers lead into this object.
class Values {
 public:
  Values() = default;
  Values(const Values&) = delete;
  const char* text(const std::string& text) { return texts_.emplace_back(text).c_str(); }
  clb_value value(uint32_t type, const base::Json& json, const std::string& name);  // Error: of another type; `name` is the parameter's

 private:
  std::deque<std::vector<int64_t>> int_lists_;
  std::deque<std::vector<double>> float_lists_;
  std::deque<std::string> texts_;
  std::deque<std::vector<const char*>> text_lists_;
};

// One setting per parameter, in the order of the schema, pointing into this object and, where `values` leaves a parameter out because it
// has its neutral value, into the schema. Error for a value that is missing or of another type.
class Settings {
 public:
  Settings(const clb_param* params, uint32_t count, uint32_t stride, const base::Json& values);
  Settings(const Settings&) = delete;
  const std::vector<clb_setting>& list() const { return settings_; }

 private:
  Values values_;
  std::vector<clb_setting> settings_;
};

// The other way round: a schema of which the ABI's form is made, pointing into this object.
class Schema {
 public:
  explicit Schema(const std::vector<base::ParamInfo>& params);
  Schema(const Schema&) = delete;
  const std::vector<clb_param>& list() const { return params_; }

 private:
  Values values_;
  std::deque<std::vector<const char*>> choices_;
  std::deque<std::vector<clb_implication>> implications_;
  std::vector<clb_param> params_;
};

}  // namespace clb::loader
