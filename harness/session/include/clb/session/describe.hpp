// What `clb-runner describe` and `clb-runner version` print.
#pragma once

#include <clb/base/json.hpp>
#include <string>

namespace clb::session {

struct DescribeOptions {
  std::string file;                          // the plugin
  bool open = false;                         // open a dataset's files and compute its fingerprint
  std::string root;                          // "": the plugin's default
  base::Json params = base::Json::object();  // of the dataset, see data::Dataset
  std::string cache_dir;                     // the decoded store is written there on the way; "": not written
};

base::Json describe(const DescribeOptions& options);  // base::MethodInfo or base::DatasetInfo
base::Json describe_runner();                         // {libtorch, cuda, devices, cpu, cpu_flags, cores, runner_hash}

}  // namespace clb::session
