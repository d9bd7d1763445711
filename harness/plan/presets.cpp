#include "presets.hpp"

#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/plan/plan.hpp>

#include "files.hpp"
#include "installed.hpp"
#include "schema.hpp"
#include "toml.hpp"

namespace clb::plan {
namespace {

namespace fs = std::filesystem;

// The file's top-level table, its keys checked. `asked` begins the sentence when there is no such preset.
Node load_preset(const std::string& method, const std::string& preset, const fs::path& share, const std::string& asked) {
  const fs::path folder = share / "presets" / method;
  const fs::path file = folder / (preset + ".toml");
  if (preset.find('/') != std::string::npos || !is_file(file))
    throw base::Error(fmt::format("{}method {} has no preset \"{}\"{}", lead(asked), method, one_line(preset),
                                  suggestion(preset, toml_stems(folder), fmt::format("presets in {}", folder.string()))));
  Node root = parse_toml(base::read_file(file, kMaxTomlBytes), file.string());
  check_keys(*root.table(), "", {"params", "train_transform", "joint", "experiment"});
  return root;
}

const Table* params_of(const Reader& reader) {
  const Node* params = reader.find("params");
  return params ? &Reader(*params, "params").table() : nullptr;
}

void overlay(const Reader& reader, Table& params, std::optional<Node>& train_transform) {
  if (const Table* table = params_of(reader))
    for (const Entry& entry : table->entries()) params.set(entry.key, entry.key_place, entry.value);
  if (const Node* node = reader.find("train_transform")) train_transform = *node;
}

MethodEntry read_method(const Node& node, const fs::path& share, Catalogue& catalogue) {
  const Reader reader(node, "method");
  const Node& id = reader.at("id", "\"simplecil\"");
  MethodEntry entry{id.place, installed_method(id, catalogue), "", {}, std::nullopt, std::nullopt};
  Table params;
  if (const Node* preset = reader.find("preset")) {
    entry.preset = to_string(*preset, "method.preset");
    const Node file = load_preset(entry.info.id, entry.preset, share, preset->place.text());
    const Reader settings(file, "");
    overlay(settings, params, entry.train_transform);
    if (settings.find("joint")) entry.joint = settings.flag("joint", false);
  }
  overlay(reader, params, entry.train_transform);
  if (reader.find("joint")) entry.joint = reader.flag("joint", false);
  entry.grid = param_grid(params, entry.info);
  return entry;
}

}  // namespace

MethodSettings method_settings(const MethodChoice& choice, const fs::path& share, const base::MethodInfo& info) {
  Table params;
  std::optional<Node> train_transform;
  if (!choice.preset.empty()) {
    const Node file = load_preset(info.id, choice.preset, share, choice.place.text());
    overlay(Reader(file, ""), params, train_transform);
  }
  for (const Entry& entry : choice.params.entries()) params.set(entry.key, entry.key_place, entry.value);
  std::vector<ParamSet> grid = param_grid(params, info);
  if (grid.size() != 1) fail(choice.place, fmt::format("the parameters of method {} must be single values, not a grid", info.id));
  const std::string preset_transform = train_transform ? to_string(*train_transform, "train_transform") : "";
  return {std::move(grid.front().values), choice.train_transform.empty() ? preset_transform : choice.train_transform};
}

std::vector<MethodEntry> read_methods(const Node& root, const fs::path& share, Catalogue& catalogue) {
  std::vector<MethodEntry> entries;
  for (const Node* node : one_or_several(root, "method")) entries.push_back(read_method(*node, share, catalogue));
  return entries;
}

PresetExperiment preset_experiment(const std::string& method, const std::string& preset, const fs::path& share) {
  const Node root = load_preset(method, preset, share, "");
  const Node* node = root.table()->find("experiment");
  if (!node)
    fail(root.place,
         "the preset names no experiment to run it in; add experiment = \"small\" or a table [experiment], or use it as preset in "
         "[[method]]");
  if (node->table()) return {share / "presets" / method / (preset + ".toml"), true};
  const std::string name = to_string(*node, "experiment");
  const fs::path file = share / "experiments" / (name + ".toml");
  if (!is_file(file))
    fail(node->place,
         fmt::format("there is no experiment \"{}\"{}", name, suggestion(name, toml_stems(file.parent_path()), "shipped experiments")));
  return {file, false};
}

Node composed_experiment(const PlanOptions& options) {
  const size_t slash = options.preset.find('/');
  const Node root = load_preset(options.preset.substr(0, slash), options.preset.substr(slash + 1), options.share, "");
  return *root.table()->find("experiment");
}

}  // namespace clb::plan
