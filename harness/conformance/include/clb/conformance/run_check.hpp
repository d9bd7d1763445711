// `clb-runner check`: one check of one plugin, in a process of its own.
#pragma once

#include <clb/base/json.hpp>
#include <cstdint>
#include <string>

namespace clb::conformance {

struct CheckRequest {
  std::string file;  // the plugin
  std::string root;  // of a dataset; "": the plugin's default
  std::string name;  // of the check
  int64_t seed = 0;
  base::Json params = base::Json::object();  // values that differ from the defaults
};

// {"checks": [{"name", "about", "leak", "skip": why it does not apply or "", "expected": why the plugin says it fails or ""}],
//  "params": every parameter that is not at its neutral value, "declared": those of them that the plugin declares for validation}
base::Json list_checks(const CheckRequest& request);

// {"check", "status": "pass" | "fail", "remark"}. A crash of the plugin ends the process.
base::Json run_check(const CheckRequest& request);

// The second process of the checks of saved states.
void run_elsewhere(const CheckRequest& request, const std::string& folder);

}  // namespace clb::conformance
