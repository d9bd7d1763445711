#include "catalogue.hpp"

namespace clb::cli {

base::MethodInfo InstalledCatalogue::method(const std::string& id) {
  return describer_.method(launch::plugin(plugins_, "method", id).file);
}

base::DatasetInfo InstalledCatalogue::dataset(const std::string& id, const std::string& root) {
  return describer_.opened_dataset(launch::plugin(plugins_, "dataset", id).file, root);
}

std::vector<base::ParamInfo> InstalledCatalogue::dataset_params(const std::string& id) {
  return describer_.dataset(launch::plugin(plugins_, "dataset", id).file).params;
}

base::DatasetInfo InstalledCatalogue::dataset_with(const std::string& id, const std::string& root, const base::Json& params) {
  return describer_.opened_dataset(launch::plugin(plugins_, "dataset", id).file, root, params);
}

std::string InstalledCatalogue::refusal(const std::string& id) const {
  for (const launch::PluginFile& plugin : plugins_)
    if (!plugin.error.empty() && (plugin.meta.id == id || plugin.file.stem() == id)) return plugin.error;
  for (const launch::UnbuiltPlugin& plugin : launch::unbuilt_plugins(plugins_))
    if (plugin.id == id) return plugin.sentence();
  return "";
}

std::vector<std::string> InstalledCatalogue::ids(const std::string& kind) const {
  std::vector<std::string> found;
  for (const launch::PluginFile& plugin : plugins_) {
    if (plugin.usable() && plugin.meta.kind == kind) found.push_back(plugin.meta.id);
  }
  return found;
}

}  // namespace clb::cli
