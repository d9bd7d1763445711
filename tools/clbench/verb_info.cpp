// clbench info: everything about one plugin, or one run.
#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/nearest.hpp>
#include <clb/base/paths.hpp>
#include <clb/known_data/search.hpp>
#include <clb/launch/describe.hpp>
#include <clb/plan/named.hpp>
#include <clb/plan/settings.hpp>
#include <cstdio>
#include <filesystem>
#include <numeric>

#include "catalogue.hpp"
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
                         "clbench info imagenet_r --split coda"};

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

// A data set of which share/datasets knows nothing.
known_data::Known plugin_alone(const std::string& id) {
  known_data::Known known;
  known.name = known.plugin = id;
  return known;
}

struct Opened {
  base::DatasetInfo info;
  std::string difference, not_opened;  // sentences; "": none, and it is open
};

// Opened where the files are there, else the plain description and why. What the user names, and what lies where it is looked for, has to
// be good.
Opened open_dataset(const known_data::Known& known, const std::string& file, const Options& options, launch::Describer& describer,
                    InstalledCatalogue& catalogue) {
  std::vector<std::string> settings = options.texts("set");
  if (options.flag("split")) settings.push_back("split=" + options.text("split"));
  const base::DatasetInfo closed = describer.dataset(file);
  plan::settings(settings, closed.params, "dataset " + closed.id);  // mistakes are told also where there are no data
  const std::vector<fs::path> folders = data_folders(options);
  const auto place = options.flag("root") ? std::optional(fs::absolute(options.text("root"))) : known_data::find_folder(known, folders);
  Opened opened;
  const std::string looked = fmt::format("{} is {}; {}", known.name, known_data::looked_in(known, folders), known.remedy());
  if (!place && !known.root.empty()) {
    opened.not_opened = looked;
  } else {
    try {
      plan::OpenedByName named = plan::open_by_name(known, place ? place->string() : "", settings, catalogue);
      return {std::move(named.info), std::move(named.difference), ""};
    } catch (const base::Error& error) {
      if (place || !settings.empty()) throw;
      opened.not_opened = known.get.empty() ? error.what() : fmt::format("{}; {}", error.what(), looked);
    }
  }
  opened.info = closed;
  return opened;
}

void print_dataset(const Opened& opened) {
  const base::DatasetInfo& info = opened.info;
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
  if (!opened.difference.empty()) say("  warning       {}\n", opened.difference);
  if (!opened.not_opened.empty()) say("  not opened: {}\n", opened.not_opened);
  if (!info.class_names.empty()) say("\nclasses: {}\n", joined(info.class_names));
  if (!info.params.empty()) fmt::print("\n");
  print_params(info.params, "");
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
  options.add()("root", po::value<std::string>()->value_name("DIR"),
                "where the files of a dataset are; default: where its name is looked for, else where the plugin looks");
  options.add()("split", po::value<std::string>()->value_name("S"), "the split of a dataset by its name, as --set split=S");
  options.add()("set", po::value<std::vector<std::string>>()->value_name("PARAMETER=VALUE")->composing(),
                "a parameter of a dataset (repeatable)");
  options.add_data_path();
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

  const auto known = known_data::find_known(base::share(), id);
  const std::string plugin = known ? known->plugin : id, kind = known ? "dataset" : kind_of(id, plugins);
  const std::string file = launch::plugin(plugins, kind, plugin).file.string();
  if (kind == "method") {
    for (const char* name : {"root", "split", "set", "data-path"})
      if (options.flag(name)) throw base::Error(fmt::format("info: --{} is for data sets, and {} is a method", name, id));
    const base::MethodInfo info = describer.method(file);
    options.flag("json") ? fmt::print("{}\n", base::pretty(method_json(info))) : print_method(info);
    return 0;
  }
  InstalledCatalogue catalogue(plugins, describer);
  const Opened opened = open_dataset(known ? *known : plugin_alone(id), file, options, describer, catalogue);
  if (options.flag("json")) {
    Json json = opened.info.to_json();
    json["kind"] = "dataset";
    if (!opened.not_opened.empty()) json["not_opened"] = opened.not_opened;
    if (!opened.difference.empty()) json["difference"] = opened.difference;
    fmt::print("{}\n", base::pretty(json));
  } else {
    print_dataset(opened);
  }
  return 0;
}

}  // namespace clb::cli
