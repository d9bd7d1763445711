// What is in the plugin folders, from metadata alone: nothing is loaded.
#pragma once

#include <clb/base/plugin_meta.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace clb::launch {

struct PluginFile {
  std::filesystem::path file;
  base::PluginMeta meta;              // default when the file's metadata cannot be read
  std::string error;                  // one sentence: why this file cannot be used; empty when it can
  std::filesystem::path shadowed_by;  // an earlier file with the same kind and id; empty when this one is used

  bool usable() const { return error.empty() && shadowed_by.empty(); }
};

// All *.so files of the folders, in folder order and by name inside a folder. Of two with one kind and id the first is used; the other is
// listed with `shadowed_by`. A broken file is listed with its sentence. Folders that do not exist are passed over.
std::vector<PluginFile> find_plugins(const std::vector<std::filesystem::path>& folders);

// What this build tree can build and has not built yet, as of lib/clbench/build_tree.txt; an installed prefix has no such file, and none.
struct UnbuiltPlugin {
  std::string kind, id;

  std::string command() const;   // that builds it: "cmake --build build/release --target dataset_cifar100"
  std::string sentence() const;  // "the dataset cifar100 is not built yet; ..."
};
std::vector<UnbuiltPlugin> unbuilt_plugins(const std::vector<PluginFile>& plugins);
std::string build_command();  // of everything in this build tree: "cmake --build build/release"

// The usable plugin of a kind ("method", "dataset") with an id. Error: suggests a near id, or says why the file of that name is refused or
// not there.
const PluginFile& plugin(const std::vector<PluginFile>& plugins, const std::string& kind, const std::string& id);

}  // namespace clb::launch
