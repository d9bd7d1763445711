#include "stored_run.hpp"

#include <fmt/format.h>

#include <clb/base/error.hpp>

namespace clb::cli {

void find_plugins_of(base::RunSpec& spec, const std::vector<launch::PluginFile>& plugins) {
  spec.method.file = launch::plugin(plugins, "method", spec.method.id).file;
  const auto find = [&](base::DatasetSpec& dataset) { dataset.file = launch::plugin(plugins, "dataset", dataset.id).file; };
  for (base::DatasetSpec& part : spec.dataset.sequence) find(part);
  if (spec.dataset.sequence.empty()) find(spec.dataset);
  for (auto& [name, dataset] : spec.execution.asset_datasets) find(dataset);
}

base::RunSpec stored_spec(const store::Store& store, const store::RunRow& row, const std::vector<launch::PluginFile>& plugins,
                          const std::filesystem::path& database) {
  base::RunSpec spec = base::RunSpec::from_stored(store.spec(row.run_id), database.string() + ": run " + row.key.substr(0, 12));
  find_plugins_of(spec, plugins);
  return spec;
}

store::RunRow run_by_key(const store::Store& store, const std::string& key, const std::filesystem::path& database) {
  std::vector<store::RunRow> found;
  for (store::RunRow& row : store.light_runs())
    if (row.key.starts_with(key)) found.push_back(std::move(row));
  const std::string where = database.string();
  if (found.empty())
    throw base::Error(fmt::format("{}: there is no run whose key begins with '{}'; `clbench status` lists them", where, key));
  if (found.size() > 1)
    throw base::Error(fmt::format("{}: the keys of {} runs begin with '{}'; give more of it", where, found.size(), key));
  return std::move(found.front());
}

}  // namespace clb::cli
