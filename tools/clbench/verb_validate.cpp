// clbench validate: the checks that a plugin must pass, each in a process of its own.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <clb/base/error.hpp>
#include <clb/base/json.hpp>
#include <clb/base/json_at.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/launch/describe.hpp>
#include <clb/launch/human.hpp>
#include <clb/launch/interpreter.hpp>
#include <clb/launch/lines.hpp>
#include <clb/launch/spawn.hpp>
#include <clb/plan/settings.hpp>
#include <clb/python/header.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "columns.hpp"
#include "installation.hpp"
#include "options.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;
using base::Json;

namespace {

constexpr VerbText kValidate{"validate", "PLUGIN|METHOD",
                             "check a plugin: life cycle, state, leaks, claims; each check in a process of its own",
                             "clbench validate ./my_method.so"};
constexpr double kCheckSeconds = 900;  // on the clock; a check ends itself after 300 s of processor time (tools/runner)

struct Asked {
  fs::path plugin;
  std::string seed, params, root;  // as clb-runner takes them
};

launch::Captured ask(const launch::RunnerPlace& runner, const Asked& asked, std::vector<std::string> more) {
  std::vector<std::string> words{"check", asked.plugin.string(), "--seed", asked.seed, "--params", asked.params};
  if (!asked.root.empty()) words.insert(words.end(), {"--root", asked.root});
  words.insert(words.end(), more.begin(), more.end());
  launch::Spawn what = launch::to_start(runner, std::move(words));
  what.own_group = true;
  return launch::capture(std::move(what), kCheckSeconds);
}

// A file, or the id of an installed plugin.
fs::path plugin_file(const Options& options) {
  const std::string& word = options.words()[0];
  std::error_code error;
  if (word.ends_with(".so") || word.ends_with(".py") || fs::exists(word, error)) {
    if (!fs::exists(word, error)) throw base::Error(fmt::format("{}: there is no such file", word));
    return fs::absolute(word);
  }
  const auto plugins = installed_plugins(options);
  for (const launch::PluginFile& plugin : plugins)
    if (plugin.usable() && plugin.meta.kind == "dataset" && plugin.meta.id == word) return plugin.file;
  return launch::plugin(plugins, "method", word).file;
}

// --set PARAMETER=VALUE, checked against what the plugin says of its parameters.
Json given_params(const Options& options, launch::Describer& describer, const fs::path& plugin) {
  if (options.texts("set").empty()) return Json::object();
  if (python::read_meta(plugin).kind == "dataset") {
    const base::DatasetInfo dataset = describer.dataset(plugin);
    return plan::settings(options.texts("set"), dataset.params, "dataset " + dataset.id);
  }
  const base::MethodInfo method = describer.method(plugin);
  return plan::settings(options.texts("set"), method.params, "method " + method.id);
}

// {"status": pass | fail, "remark"} of the check `name`, whose process ended in any way: the plugin ran in it.
Json verdict(const launch::Captured& ended, const std::string& name) {
  const auto failed = [](std::string remark) { return Json{{"status", "fail"}, {"remark", std::move(remark)}}; };
  if (ended.timed_out) return failed(fmt::format("was still running after {}", launch::human_seconds(kCheckSeconds)));
  if (ended.signal == SIGXCPU) return failed("used more processor time than a check may; clb::ValidationValue declares smaller values");
  if (ended.signal != 0) return failed("crashed with " + launch::signal_name(ended.signal));
  const std::string said = launch::last_line(ended.err);
  if (ended.exit_code != 0) return failed(said.empty() ? fmt::format("left with exit code {}", ended.exit_code) : said);
  if (ended.out.empty()) return failed("ended the process by itself with exit code 0, as exit() does, and left no answer");
  const Json answer = Json::parse(ended.out, nullptr, false);
  const std::string status = base::text_at(answer, "/status");
  if (base::text_at(answer, "/check") != name || (status != "pass" && status != "fail")) {
    return failed("left a garbled answer; a plugin or a process that it started wrote to a descriptor that is not its own");
  }
  return {{"status", status}, {"remark", base::text_at(answer, "/remark")}};
}

// {"checks", "declared", "params"}: what applies, as clb-runner lists it.
Json listed_checks(const launch::Captured& ended, const fs::path& plugin) {
  const Json list = ended.exit_code == 0 ? Json::parse(ended.out, nullptr, false) : Json();
  if (ended.exit_code == 0 && list.is_object() && list.contains("checks") && list.contains("declared")) return list;
  throw base::Error(fmt::format("{}: {}", plugin.string(), verdict(ended, "").at("remark").get<std::string>()));
}

Json carry_out(const launch::RunnerPlace& runner, const Asked& asked, const Json& check) {
  const std::string name = check.at("name"), skip = check.at("skip"), expected = check.at("expected");
  Json row{{"check", name}, {"about", check.at("about")}, {"leak", check.at("leak")}, {"seconds", 0.0}};
  if (!skip.empty()) {
    row.update({{"status", "skip"}, {"remark", skip}});
    return row;
  }
  const auto start = std::chrono::steady_clock::now();
  row.update(verdict(ask(runner, asked, {"--name", name}), name));
  row["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (expected.empty()) return row;
  const bool fails = row["status"] == "fail";
  row["status"] = fails ? "expected" : "fail";
  row["remark"] =
      fails ? "fails as the plugin declares: " + expected : "passes, although the plugin declares that it fails; remove the declaration";
  return row;
}

std::string assignments(const Json& values) {
  std::string text;
  for (const auto& [name, value] : values.items()) text += (text.empty() ? "" : ", ") + name + " = " + value.dump();
  return text;
}

void print_row(const Json& row) {
  const std::string remark = row.at("remark");
  say("{:<8}  {:<20} {:>7}  {}{}\n", row.at("status").get<std::string>(), row.at("check").get<std::string>(),
      row.at("status") == "skip" ? "" : launch::human_seconds(row.at("seconds")), row.at("about").get<std::string>(),
      remark.empty() ? "" : ": " + remark);
  std::fflush(stdout);
}

}  // namespace

int verb_validate(const Arguments& arguments) {
  Options options(kValidate);
  options.add()("check", po::value<std::string>()->value_name("A,B"), "these checks only");
  options.add()("list", "list the checks and carry out none");
  options.add()("seed", po::value<std::string>()->value_name("N")->default_value("0"),
                "seed of data, weights and method; repeats a check exactly");
  options.add()("set", po::value<std::vector<std::string>>()->value_name("PARAMETER=VALUE")->composing(),
                "a parameter of the plugin (repeatable), for example --set epochs=1");
  options.add()("root", po::value<std::string>()->value_name("DIR"), "folder of a dataset's files; default: the plugin's own");
  options.add_installation();
  options.add_json();
  if (!options.parse(arguments, 1, 1)) return 0;

  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  if (error || temporary.empty())
    throw base::Error(fmt::format("there is no folder for temporary files (TMPDIR is \"{}\"); make it, or unset TMPDIR",
                                  std::getenv("TMPDIR") ? std::getenv("TMPDIR") : ""));
  const fs::path file = plugin_file(options);
  const launch::RunnerPlace place = launch::find_runner(), runner = launch::runner_for(place, file);
  launch::Describer describer(place, cache_folder(options));
  const Asked asked{file, std::to_string(options.number("seed", 0).value_or(0)), base::canonical(given_params(options, describer, file)),
                    options.text("root")};
  const Json list = listed_checks(ask(runner, asked, {"--list"}), file);
  const Json& checks = list.at("checks");
  if (!options.flag("json") && !list.at("declared").empty())
    say("with {}, as the plugin declares for validation; --set gives other values\n", assignments(list.at("declared")));

  const std::vector<std::string> wanted = split_list(options.text("check"));
  for (const std::string& name : wanted)
    if (std::none_of(checks.begin(), checks.end(), [&](const Json& check) { return check.at("name") == name; }))
      throw base::Error(fmt::format("there is no check '{}'; --list names them", name));
  Json rows = Json::array();
  size_t failures = 0;
  for (const Json& check : checks) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), check.at("name").get<std::string>()) == wanted.end()) continue;
    if (options.flag("list")) {
      rows.push_back(check);
      if (!options.flag("json")) fmt::print("{:<20} {}\n", check.at("name").get<std::string>(), check.at("about").get<std::string>());
      continue;
    }
    rows.push_back(carry_out(runner, asked, check));
    failures += rows.back().at("status") == "fail";
    if (!options.flag("json")) print_row(rows.back());
  }
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(Json{{"plugin", file},
                                         {"plugin_hash", describer.plugin_hash(file)},
                                         {"params", list.at("params")},
                                         {"declared", list.at("declared")},
                                         {"seed", std::stoll(asked.seed)},
                                         {"all", wanted.empty()},
                                         {"checks", rows}}));
  } else if (!options.flag("list")) {
    fmt::print("{} checks, {} failed\n", rows.size(), failures);
    if (failures > 0) say("repeat one with: clbench validate {} --seed {} --check NAME\n", file.string(), asked.seed);
  }
  return failures > 0 ? static_cast<int>(base::Exit::kFailedRun) : 0;
}

}  // namespace clb::cli
