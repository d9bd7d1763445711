// clbench info: everything about one plugin, or one run.
#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/nearest.hpp>
#include <clb/base/paths.hpp>
#include <clb/launch/describe.hpp>
#include <cstdio>
#include <filesystem>
#include <numeric>

#include "columns.hpp"
#include "installation.hpp"
#include "options.hpp"
#include "progress_line.hpp"
#include "run_info.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;
using base::Json;

namespace {

constexpr VerbText kInfo{"info", "PLUGIN|RUN",
                         "one plugin: parameters, capabilities, paper; classes, splits, licence\n\n"
                         "Of a run (the first characters of its key): every attempt, its time, memory, and how busy the machine was.",
                         "clbench info simplecil"};

std::string range_of(const base::ParamInfo& param) {
  if (!param.choices.empty()) return fmt::format("{}", fmt::join(param.choices, " | "));
  return param.min == param.max ? "" : fmt::format("{:g} to {:g}", param.min, param.max);
}

std::vector<std::string> presets_of(const std::string& method) {
  std::vector<std::string> names;
  for (const Preset& preset : installed_presets()) {
    if (preset.method == method) names.push_back(method + "/" + preset.name);
  }
  return names;
}

std::string or_none(const std::vector<std::string>& words) { return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", ")); }

Json method_json(const base::MethodInfo& info) {
  Json json = info.to_json();
  json["kind"] = "method";
  json["capability_names"] = base::capability_names(info.capabilities);
  json["presets"] = presets_of(info.id);
  return json;
}

void print_params(const std::vector<base::ParamInfo>& params, const char* none) {
  Columns columns({"parameter", "type", "default", "range", "help"});
  for (const base::ParamInfo& param : params) {
    std::string help = param.help;
    if (param.implies) help += fmt::format(" ({} implies {})", param.implied_when.dump(), or_none(base::capability_names(param.implies)));
    for (const auto& [when, bits] : param.implications)
      help += fmt::format(" ({} implies {})", when.dump(), or_none(base::capability_names(bits)));
    if (!param.group.empty()) help = param.group + ": " + help;
    if (!param.neutral.is_null()) help += fmt::format(" ({}: as before it existed)", param.neutral.dump());
    columns.add({param.name, param.type, param.default_value.dump(), range_of(param), help});
  }
  fmt::print("{}", columns.empty() ? none : columns.text());
}

void print_method(const base::MethodInfo& info) {
  say("method {} {}\n  paper         {}\n  capabilities  {}\n  weights       {}\n  presets       {}\n  file          {}\n  sha256        "
      "{}\n\n",
      info.id, info.version, info.paper, or_none(base::capability_names(info.capabilities)), or_none(info.roles),
      or_none(presets_of(info.id)), info.file, info.hash);
  print_params(info.params, "no parameters\n");
}

std::string samples(const std::vector<int64_t>& counts) {
  if (counts.empty()) return "unknown";
  return std::to_string(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
}

std::string geometry(const base::DatasetInfo& info) {
  if (info.modality == "features") return info.feature_dim > 0 ? fmt::format("feature vectors of {}", info.feature_dim) : "feature vectors";
  if (info.height <= 0) return fmt::format("{}, sizes vary", info.modality);
  return fmt::format("{}, {} x {} x {}", info.modality, info.height, info.width, info.channels);
}

// A data set that was opened without a folder needs none.
std::string root_of(const base::DatasetInfo& info) {
  if (!info.root.empty()) return info.root;
  return info.fingerprint.empty() ? "unknown" : "none, it reads no files";
}

void print_dataset(const base::DatasetInfo& info, const std::string& not_opened) {
  std::vector<std::string> orders, domain_orders;
  for (const auto& [name, order] : info.orders) orders.push_back("official:" + name);
  for (const auto& [name, order] : info.domain_orders) domain_orders.push_back("official:" + name);
  say("dataset {} {}\n  samples       {}\n  classes       {}\n  splits        train {}, test {}\n", info.id, info.version, geometry(info),
      info.class_count > 0 ? std::to_string(info.class_count) : "unknown", samples(info.train_counts), samples(info.test_counts));
  if (!info.domain_names.empty()) say("  domains       {}\n", joined(info.domain_names));
  if (!orders.empty()) say("  orders        {}\n", or_none(orders));
  if (!domain_orders.empty()) say("  of domains    {}\n", or_none(domain_orders));
  if (info.splits.size() > 2) say("  also          {}\n", or_none({info.splits.begin() + 2, info.splits.end()}));
  if (!info.group_names.empty()) say("  groups        {}\n", joined(info.group_names));
  if (!info.templates.empty()) say("  templates     {}\n", joined(info.templates));
  say("  licence       {}\n  citation      {}\n  root          {}\n  fingerprint   {}\n  file          {}\n  sha256        {}\n",
      info.licence, info.citation, root_of(info), info.fingerprint.empty() ? "unknown" : info.fingerprint, info.file, info.hash);
  for (const std::string& note : info.notes) say("  found         {}\n", note);
  if (!not_opened.empty()) say("  not opened: {}\n", not_opened);
  if (!info.class_names.empty()) say("\nclasses: {}\n", joined(info.class_names));
  if (!info.params.empty()) fmt::print("\n");
  print_params(info.params, "");
}

// The opened description where the files are there, else the plain one and why.
base::DatasetInfo describe_dataset(launch::Describer& describer, const std::string& file, const std::string& root,
                                   std::string& not_opened) {
  try {
    return describer.opened_dataset(file, root);
  } catch (const base::Error& error) {
    if (!root.empty()) throw;
    not_opened = error.what();
    return describer.dataset(file);
  }
}

// "method" or "dataset"; an Error says what else the name is, or which names are near.
std::string kind_of(const std::string& id, const std::vector<launch::PluginFile>& plugins) {
  std::vector<std::string> names;
  for (const launch::PluginFile& plugin : plugins) {
    const bool named = plugin.meta.id == id || (!plugin.error.empty() && plugin.file.stem() == id);
    if (named && plugin.shadowed_by.empty()) return plugin.meta.kind.empty() ? "method" : plugin.meta.kind;
    if (plugin.usable()) names.push_back(plugin.meta.id);
  }
  for (const launch::UnbuiltPlugin& unbuilt : launch::unbuilt_plugins(plugins)) {
    if (unbuilt.id == id) return unbuilt.kind;
    names.push_back(unbuilt.id);
  }
  for (const Preset& preset : installed_presets()) {
    const std::string name = preset.method + "/" + preset.name;
    if (name == id)
      throw base::Error(
          fmt::format("{} is a preset of the method {} ({}); `clbench info {}` tells of the method, `clbench run {} --dry-run` "
                      "of its runs",
                      id, preset.method, preset.file.string(), preset.method, id));
    names.push_back(name);
  }
  const fs::path experiments = base::share() / "experiments";
  std::error_code error;
  for (fs::directory_iterator entry(experiments, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() != ".toml") continue;
    const std::string name = entry->path().stem().string();
    if (name == id || entry->path().filename() == id)
      throw base::Error(fmt::format("{} is an experiment ({}); `clbench run {} --dry-run` tells of its runs", id, entry->path().string(),
                                    entry->path().string()));
    names.push_back(name);
  }
  const std::string near = base::nearest(id, names);
  throw base::Error(fmt::format(
      "no method, dataset, preset or experiment is called '{}'; {}", id,
      near.empty() ? "`clbench list` shows what is installed, --plugin-path DIR adds a folder" : fmt::format("did you mean '{}'?", near)));
}

// No plugin has such a name, and it can be the beginning of a run's key.
bool is_run(const std::string& word, const std::vector<launch::PluginFile>& plugins) {
  return word.find_first_not_of("0123456789abcdef") == std::string::npos &&
         std::ranges::none_of(plugins, [&](const launch::PluginFile& plugin) { return plugin.meta.id == word; });
}

}  // namespace

int verb_info(const Arguments& arguments) {
  Options options(kInfo);
  options.add_database();
  options.add()("root", po::value<std::string>()->value_name("DIR"), "where the files of a dataset are; default: where the plugin looks");
  options.add_installation();
  options.add_cache();
  options.add_json();
  if (!options.parse(arguments, 1, 1)) return 0;
  const std::string& id = options.words()[0];
  const auto plugins = installed_plugins(options);
  if (is_run(id, plugins)) {
    print_run(options.text("db"), id, options.flag("json"));
    return 0;
  }
  launch::Describer describer(launch::find_runner(), cache_folder(options), reading_progress());

  const std::string kind = kind_of(id, plugins);
  const std::string file = launch::plugin(plugins, kind, id).file.string();
  if (kind == "method") {
    const base::MethodInfo info = describer.method(file);
    options.flag("json") ? fmt::print("{}\n", base::pretty(method_json(info))) : print_method(info);
    return 0;
  }
  std::string not_opened;
  const base::DatasetInfo info = describe_dataset(describer, file, options.text("root"), not_opened);
  if (options.flag("json")) {
    Json json = info.to_json();
    json["kind"] = "dataset";
    if (!not_opened.empty()) json["not_opened"] = not_opened;
    fmt::print("{}\n", base::pretty(json));
  } else {
    print_dataset(info, not_opened);
  }
  return 0;
}

}  // namespace clb::cli
