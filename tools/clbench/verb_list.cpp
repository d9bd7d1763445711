// clbench list: what is installed, from metadata only.
#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/base/json.hpp>
#include <clb/launch/plugins.hpp>

#include "columns.hpp"
#include "installation.hpp"
#include "options.hpp"
#include "say.hpp"

namespace clb::cli {

using base::Json;

namespace {

constexpr VerbText kList{"list", "[methods|datasets|presets]", "what is installed: methods, datasets, presets", "clbench list methods"};

bool wanted(const std::string& what, const char* kind) { return what.empty() || what == kind; }

std::string state_of(const launch::PluginFile& plugin) {
  if (!plugin.error.empty()) return "refused";
  return plugin.shadowed_by.empty() ? "used" : "hidden by " + plugin.shadowed_by.string();
}

std::string joined_capabilities(uint64_t bits) {
  const auto names = base::capability_names(bits);
  return names.empty() ? "-" : fmt::format("{}", fmt::join(names, " "));
}

Json plugin_json(const launch::PluginFile& plugin) {
  Json json{{"file", plugin.file}, {"kind", plugin.meta.kind}, {"id", plugin.meta.id}, {"version", plugin.meta.version}};
  json["summary"] = plugin.meta.summary;
  json["capabilities"] = base::capability_names(plugin.meta.capabilities);
  json["libtorch"] = plugin.meta.libtorch;
  json["compiler"] = plugin.meta.compiler;
  json["used"] = plugin.usable();
  if (!plugin.shadowed_by.empty()) json["hidden_by"] = plugin.shadowed_by;
  if (!plugin.error.empty()) json["error"] = plugin.error;
  return json;
}

void print_plugins(const std::vector<launch::PluginFile>& plugins, const std::string& kind) {
  Columns columns(kind == "method" ? std::vector<std::string>{"method", "version", "capabilities", "paper", "file"}
                                   : std::vector<std::string>{"dataset", "version", "source", "file"});
  for (const launch::PluginFile& plugin : plugins) {
    if (plugin.meta.kind != kind || !plugin.error.empty()) continue;
    std::vector<std::string> row{plugin.meta.id, plugin.meta.version};
    if (kind == "method") row.push_back(joined_capabilities(plugin.meta.capabilities));
    row.push_back(plugin.meta.summary);
    row.push_back(plugin.file.string() + (plugin.usable() ? "" : " (" + state_of(plugin) + ")"));
    columns.add(std::move(row));
  }
  fmt::print("{}\n", columns.empty() ? fmt::format("no {}s are installed; --plugin-path DIR adds a folder\n", kind) : columns.text());
}

void print_refused(const std::vector<launch::PluginFile>& plugins) {
  for (const launch::PluginFile& plugin : plugins) {
    if (!plugin.error.empty()) say("refused: {}\n", plugin.error);
  }
}

// After the quickstart's build of a part: what else there is, and how to get it.
void print_unbuilt(const std::vector<launch::PluginFile>& plugins, const std::string& what) {
  std::vector<std::string> ids;
  for (const launch::UnbuiltPlugin& plugin : launch::unbuilt_plugins(plugins))
    if (wanted(what, (plugin.kind + "s").c_str())) ids.push_back(plugin.id);
  if (!ids.empty()) fmt::print("not built yet: {}; `{}` builds all\n", fmt::join(ids, ", "), launch::build_command());
}

void print_presets(const std::vector<Preset>& presets) {
  Columns columns({"preset", "about"});
  for (const Preset& preset : presets) columns.add({preset.method + "/" + preset.name, preset.about});
  fmt::print("{}", columns.empty() ? "no presets are installed\n" : columns.text());
}

Json everything(const std::string& what, const std::vector<launch::PluginFile>& plugins) {
  Json json = Json::object();
  for (const char* kind : {"method", "dataset"}) {
    const std::string plural = std::string(kind) + "s";
    if (!wanted(what, plural.c_str())) continue;
    json[plural] = Json::array();
    for (const launch::PluginFile& plugin : plugins) {
      if (plugin.meta.kind == kind) json[plural].push_back(plugin_json(plugin));
    }
  }
  if (wanted(what, "presets")) {
    json["presets"] = Json::array();
    for (const Preset& preset : installed_presets()) {
      json["presets"].push_back({{"method", preset.method}, {"name", preset.name}, {"about", preset.about}, {"file", preset.file}});
    }
  }
  if (what != "presets") {
    json["not_built"] = Json::array();
    for (const launch::UnbuiltPlugin& plugin : launch::unbuilt_plugins(plugins))
      json["not_built"].push_back({{"kind", plugin.kind}, {"id", plugin.id}, {"command", plugin.command()}});
    json["refused"] = Json::array();
    for (const launch::PluginFile& plugin : plugins) {
      if (!plugin.error.empty()) json["refused"].push_back({{"file", plugin.file}, {"error", plugin.error}});
    }
  }
  return json;
}

}  // namespace

int verb_list(const Arguments& arguments) {
  Options options(kList);
  options.add_installation();
  options.add_json();
  if (!options.parse(arguments, 0, 1)) return 0;
  const std::string what = options.words().empty() ? "" : options.words()[0];
  if (!what.empty() && what != "methods" && what != "datasets" && what != "presets") {
    throw base::Error(fmt::format("list: there is no list of '{}'; it lists methods, datasets or presets", what));
  }
  std::vector<launch::PluginFile> plugins;
  if (what != "presets") plugins = installed_plugins(options);
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(everything(what, plugins)));
    return 0;
  }
  if (wanted(what, "methods")) print_plugins(plugins, "method");
  if (wanted(what, "datasets")) print_plugins(plugins, "dataset");
  if (wanted(what, "presets")) print_presets(installed_presets());
  print_refused(plugins);
  if (what != "presets") print_unbuilt(plugins, what);
  return 0;
}

}  // namespace clb::cli
