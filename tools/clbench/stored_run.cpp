#include "stored_run.hpp"

#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/base/paths.hpp>
#include <clb/base/sha256.hpp>

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

// Where the vocabulary of a text tower lies is not stored; those that ship are told by their digests.
void find_vocabularies(base::RunSpec& spec) {
  for (const base::WeightsSpec& weights : spec.weights) {
    if (weights.vocabulary.empty()) continue;
    for (const fs::directory_entry& file : fs::recursive_directory_iterator(base::share() / "assets")) {
      if (file.is_regular_file() && base::hex(base::sha256_file(file.path())) == weights.vocabulary)
        spec.execution.vocabulary_files[weights.role] = file.path().string();
    }
  }
}

}  // namespace

base::RunSpec stored_spec(const store::Store& store, const store::RunRow& row, const std::vector<launch::PluginFile>& plugins,
                          const std::filesystem::path& database) {
  base::RunSpec spec = base::RunSpec::from_stored(store.spec(row.run_id), database.string() + ": run " + row.key.substr(0, 12));
  spec.method.file = launch::plugin(plugins, "method", spec.method.id).file;
  const auto find = [&](base::DatasetSpec& dataset) { dataset.file = launch::plugin(plugins, "dataset", dataset.id).file; };
  for (base::DatasetSpec& part : spec.dataset.sequence) find(part);
  if (spec.dataset.sequence.empty()) find(spec.dataset);
  find_vocabularies(spec);
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
