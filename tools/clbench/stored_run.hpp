// A run out of a database, ready to be started again.
#pragma once

#include <clb/base/run_spec.hpp>
#include <clb/launch/plugins.hpp>
#include <clb/store/store.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace clb::cli {

// Looks for the plugins of a run by their ids, because the installation may have moved. Error: one is not there.
void find_plugins_of(base::RunSpec& spec, const std::vector<launch::PluginFile>& plugins);

// A run as it was planned. Its plugins are looked for again.
base::RunSpec stored_spec(const store::Store& store, const store::RunRow& row, const std::vector<launch::PluginFile>& plugins,
                          const std::filesystem::path& database);

// The one run whose key begins with `key`. Error: none, or several.
store::RunRow run_by_key(const store::Store& store, const std::string& key, const std::filesystem::path& database);

}  // namespace clb::cli
