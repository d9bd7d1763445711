#include "assets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/network_format.hpp>

#include "files.hpp"
#include "sections.hpp"

namespace clb::plan {
namespace {

AssetEntry read_file(const Entry& entry, const Reader& reader, const std::filesystem::path& folder, Catalogue& catalogue,
                     std::vector<std::string>* missing) {
  const Node& node = reader.at("file", "\"captions.txt\"");
  const std::filesystem::path file = resolve_path(node, reader.what("file"), folder);
  AssetEntry asset{.name = entry.key, .file = file.string(), .sha256 = std::string(64, '0'), .dataset = {}, .place = entry.key_place};
  const Node* digest = reader.find("sha256");
  if (!is_file(file)) {
    const std::string sentence =
        fmt::format("{0}: no such file {1}; give another path with --set {0}=FILE", reader.what("file"), asset.file);
    if (!missing) fail(node.place, sentence);
    missing->push_back(sentence);
    if (digest) asset.sha256 = to_string(*digest, reader.what("sha256"));
    return asset;
  }
  asset.sha256 = catalogue.file_sha256(asset.file);
  if (!digest) fail(reader.place(), fmt::format("[{}] needs the digest of {}: sha256 = \"{}\"", reader.name(), asset.file, asset.sha256));
  if (const std::string named = to_string(*digest, reader.what("sha256")); named != asset.sha256)
    fail(digest->place,
         fmt::format("{} has SHA-256 {}, the experiment names {}; name the first if this file is meant, else get the other one", asset.file,
                     asset.sha256, named));
  return asset;
}

AssetEntry read_asset(const Entry& entry, const std::filesystem::path& folder, const PlanOptions& options, Catalogue& catalogue,
                      Plan& plan) {
  const Reader reader(entry.value, "assets." + entry.key);
  const Node* dataset = reader.find("dataset");
  if (!dataset) return read_file(entry, reader, folder, catalogue, options.missing_ok ? &plan.missing : nullptr);
  for (const char* key : {"file", "sha256"})
    if (const Node* other = reader.find(key)) fail(other->place, fmt::format("{} has no meaning beside a data set", reader.what(key)));
  const DatasetEntry read = read_named_dataset(*dataset, reader.what("dataset"), folder, options, catalogue, plan);
  if (read.info.modality != "images")
    fail(dataset->place,
         fmt::format("{}: {} holds feature vectors, but an auxiliary stream has images", reader.what("dataset"), read.info.id));
  return {.name = entry.key, .file = "", .sha256 = base::asset_fingerprint(read.spec), .dataset = read.spec, .place = entry.key_place};
}

}  // namespace

std::vector<AssetEntry> read_assets(const Node& root, const std::filesystem::path& experiment_folder, const PlanOptions& options,
                                    Catalogue& catalogue, Plan& plan) {
  std::vector<AssetEntry> assets;
  if (const Node* node = root.table()->find("assets"))
    for (const Entry& entry : node->table()->entries()) assets.push_back(read_asset(entry, experiment_folder, options, catalogue, plan));
  return assets;
}

void check_assets(const std::vector<AssetEntry>& assets, const std::vector<const base::MethodInfo*>& methods) {
  std::vector<std::string> declared;
  for (const base::MethodInfo* method : methods) declared.insert(declared.end(), method->assets.begin(), method->assets.end());
  for (const AssetEntry& asset : assets)
    if (std::find(declared.begin(), declared.end(), asset.name) == declared.end())
      fail(asset.place, fmt::format("no method of this experiment opens an asset \"{}\"{}", asset.name,
                                    suggestion(asset.name, declared, "assets that are declared")));
}

void attach_assets(const std::vector<AssetEntry>& assets, const base::MethodInfo& method, base::RunSpec& run) {
  run.assets.clear();
  run.execution.asset_files.clear();
  run.execution.asset_datasets.clear();
  for (const AssetEntry& asset : assets) {
    if (std::find(method.assets.begin(), method.assets.end(), asset.name) == method.assets.end()) continue;
    run.assets[asset.name] = asset.sha256;
    if (asset.dataset)
      run.execution.asset_datasets[asset.name] = *asset.dataset;
    else
      run.execution.asset_files[asset.name] = asset.file;
  }
}

namespace {

base::TextSpec text_of(const base::DatasetInfo& dataset) {
  base::TextSpec text{.names = dataset.readable_names, .templates = dataset.templates};
  if (text.names.empty()) {
    text.names = dataset.class_names;
    for (std::string& name : text.names) std::replace(name.begin(), name.end(), '_', ' ');
  }
  text.names.resize(static_cast<size_t>(dataset.class_count));
  for (size_t c = 0; c < text.names.size(); ++c)
    if (text.names[c].empty()) text.names[c] = fmt::format("class {}", c);
  if (text.templates.empty()) text.templates = {"a photo of a {}."};
  return text;
}

}  // namespace

void attach_text(const base::DatasetInfo& dataset, const std::vector<WeightsEntry>& networks, const std::filesystem::path& share,
                 Catalogue& catalogue, base::RunSpec& run) {
  run.text = text_of(dataset);
  const std::filesystem::path clips = share / "assets" / "clip_bpe" / "bpe_simple_vocab_16e6.txt.gz";
  for (size_t k = 0; k < networks.size(); ++k) {
    base::WeightsSpec& weights = run.weights[k];
    if (!base::has_text_tower(weights.format)) continue;
    const std::filesystem::path& file = networks[k].vocabulary.empty() ? clips : networks[k].vocabulary;
    if (!is_file(file)) fail(networks[k].place, fmt::format("weights.{}: there is no vocabulary {}", weights.role, file.string()));
    weights.vocabulary = catalogue.file_sha256(file.string());
    run.execution.vocabulary_files[weights.role] = file.string();
  }
}

}  // namespace clb::plan
