#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/path_text.hpp>
#include <clb/base/paths.hpp>
#include <clb/sweep/places.hpp>

#include "own_file.hpp"

namespace clb::sweep {

namespace {

constexpr std::string_view kInstallation = "{clbench}";
constexpr const char* kForm = "it has the form {\"path as planned\": \"path here\"}, and is {} where all lie as planned";

}  // namespace

void for_each_dataset(base::RunSpec& run, const std::function<void(base::DatasetSpec& dataset)>& change) {
  for (base::DatasetSpec& part : run.dataset.sequence) change(part);
  if (run.dataset.sequence.empty()) change(run.dataset);
  for (auto& [name, dataset] : run.execution.asset_datasets) change(dataset);
}

void for_each_path(base::RunSpec& run, const std::function<void(std::string& path)>& change) {
  for_each_dataset(run, [&](base::DatasetSpec& dataset) { change(dataset.root); });
  for (base::WeightsSpec& weights : run.weights) change(weights.file);
  for (auto& [name, file] : run.execution.asset_files) change(file);
  for (auto& [role, file] : run.execution.vocabulary_files) change(file);
}

Places::Places(const std::filesystem::path& file) {
  const base::Json json = read_own(file, kForm);
  if (!json.is_object()) throw base::Error(file.string() + ": is no such list; " + kForm);
  for (const auto& [planned, here] : json.items()) {
    if (!here.is_string())
      throw base::Error(file.string() + ": \"" + planned + "\" needs a path on its right side, in quotation marks; correct that line");
    here_[base::path_bytes(planned)] = base::path_bytes(here.get<std::string>());
  }
}

std::string Places::text() const {
  base::Json json = base::Json::object();
  for (const auto& [planned, here] : here_) json[base::path_text(planned)] = base::path_text(here);
  return base::pretty(json) + "\n";
}

std::string Places::leaving(const std::string& path) {
  if (path.empty()) return path;
  const std::string own = base::prefix().string() + "/";
  if (path.starts_with(own)) return std::string(kInstallation) + path.substr(own.size() - 1);
  here_.emplace(path, path);
  return path;
}

std::string Places::arriving(const std::string& written) const {
  if (written.starts_with(kInstallation)) return base::prefix().string() + written.substr(kInstallation.size());
  const auto found = here_.find(written);
  return found == here_.end() ? written : found->second;
}

}  // namespace clb::sweep
