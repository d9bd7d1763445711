// clbench data: data sets and weights that have a name. What is here, fetching what is not, and checking it.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/nearest.hpp>
#include <clb/launch/describe.hpp>
#include <clb/launch/human.hpp>
#include <clb/plan/named.hpp>
#include <iostream>

#include "catalogue.hpp"
#include "columns.hpp"
#include "installation.hpp"
#include "named_files.hpp"
#include "options.hpp"
#include "progress_line.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;
using base::Error;
using base::Json;
using fetch::State;

namespace {

constexpr VerbText kData{"data", "list | info NAME | get NAME | verify NAME",
                         "data sets and weights by name: what is here, and fetching the rest",
                         "clbench data get cifar100 --accept-licence"};

std::string or_else(const std::string& text, const char* otherwise) { return text.empty() ? otherwise : text; }

std::string size_of(uint64_t bytes) { return bytes ? launch::human_bytes(bytes) : "size not stated"; }

// How one gets it: "get", or by hand.
std::string way(const NamedFiles& files) {
  if (!files.can_be_fetched()) return "by hand";
  const bool all = std::all_of(files.files.begin(), files.files.end(), [](const NamedFile& file) { return file.by_hand.empty(); });
  return all ? "data get" : "data get, and by hand";
}

Json file_json(const NamedFiles& files, const NamedFile& file) {
  const fetch::Source& source = file.item.source;
  Json json{{"to", file.item.to}, {"url", source.urls}, {"splits", file.splits}, {"by_hand", file.by_hand}};
  json["bytes"] = source.size ? Json(source.size) : Json();
  if (!source.digest.empty()) json[source.digest.kind] = source.digest.digits;
  if (!files.folder.empty()) json["state"] = fetch::word(fetch::state_of(files.folder, file.item));
  return json;
}

Json files_json(const NamedFiles& files) {
  Json json{{"name", files.name}, {"kind", files.kind}, {"title", files.title}, {"licence", files.licence}, {"homepage", files.homepage}};
  json["state"] = files.state();
  json["place"] = files.place ? Json(files.place->string()) : Json();
  json["fetched_into"] = files.folder.string();
  json["bytes"] = files.size() ? Json(files.size()) : Json();
  json["by_hand"] = files.get;
  json["files"] = Json::array();
  for (const NamedFile& file : files.files) json["files"].push_back(file_json(files, file));
  return json;
}

int list(const Options& options) {
  const std::vector<NamedFiles> all = all_named(options);
  if (options.flag("json")) {
    Json rows = Json::array();
    for (const NamedFiles& files : all) rows.push_back(files_json(files));
    fmt::print("{}\n", base::pretty(rows));
    return 0;
  }
  for (const char* kind : {"data", "weights"}) {
    Columns columns({kind, "state", "how to get it", "size", "licence", "place, or how a person gets it"});
    for (const NamedFiles& files : all) {
      if (files.kind != kind) continue;
      columns.add({files.name, files.state(), way(files), files.size() ? launch::human_bytes(files.size()) : "-",
                   or_else(files.licence, "not stated"),
                   files.place              ? files.place->string()
                   : files.can_be_fetched() ? "-"
                                            : files.get});
    }
    if (!columns.empty()) fmt::print("{}\n", columns.text());
  }
  fmt::print("`clbench data info NAME` says where NAME is looked for and how to get it\n");
  return 0;
}

void print_about(std::FILE* to, const NamedFiles& files) {
  say(to, "{}{}{}\n  licence   {}\n", files.name, files.title.empty() ? "" : ": ", files.title, or_else(files.licence, "not stated here"));
  if (!files.homepage.empty()) say(to, "  {}  {}\n", files.kind == "data" ? "homepage" : "source  ", files.homepage);
}

void print_file(const NamedFiles& files, const NamedFile& file) {
  const fetch::Item& item = file.item;
  const std::string state = files.folder.empty() ? "" : std::string(", ") + fetch::word(fetch::state_of(files.folder, item));
  const std::string splits = file.splits.empty() ? "" : ", for split " + joined(file.splits);
  if (!file.by_hand.empty()) {
    say("    {}{}{}: by hand: {}\n", item.to, state, splits, file.by_hand);
    return;
  }
  const fetch::Digest& digest = item.source.digest;
  say("    {}{}{}: {}, {}, from {}\n", item.to, state, splits, size_of(item.source.size),
      digest.empty() ? "no digest is published" : digest.text(), joined(item.source.urls, " or "));
}

int info(const Options& options) {
  const NamedFiles files = named(options.words()[1], options);
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(files_json(files)));
    return 0;
  }
  print_about(stdout, files);
  say("  state     {}{}\n", files.state(), files.place ? ": " + files.place->string() : "");
  if (!files.place) say("  looked    {}\n", files.looked_in);
  if (files.state() == "where its plugin looks") say("            `clbench info {}` says where that is\n", files.data->plugin);
  if (!files.files.empty()) say("  files     in {}\n", files.folder.string());
  for (const NamedFile& file : files.files) print_file(files, file);
  if (files.can_be_fetched()) say("  get       clbench data get {}\n", files.name);
  if (!files.get.empty()) say("  by hand   {}\n", files.get);
  return 0;
}

// A misspelt split would fetch too little without a word.
void check_split(const NamedFiles& files, const std::string& split) {
  if (split.empty()) return;
  const std::vector<std::string> names = files.data ? files.data->split_names() : std::vector<std::string>{};
  if (std::find(names.begin(), names.end(), split) != names.end()) return;
  throw Error(names.empty() ? fmt::format("data: {} has no splits by name; leave --split out", files.name)
                            : fmt::format("data: {} has no split '{}'; its splits are {}", files.name, split, joined(names)));
}

std::string split_of(const NamedFiles& files, const Options& options) {
  return options.flag("split") ? options.text("split") : files.data ? files.data->split() : "";
}

std::vector<NamedFile> wanted_files(const NamedFiles& files, const Options& options) {
  const std::string split = split_of(files, options);
  check_split(files, options.text("split"));
  std::vector<NamedFile> wanted;
  for (const NamedFile& file : files.files)
    if (split.empty() || file.splits.empty() || std::find(file.splits.begin(), file.splits.end(), split) != file.splits.end())
      wanted.push_back(file);
  return wanted;
}

void require_consent(const NamedFiles& files, const Options& options) {
  if (options.flag("accept-licence")) return;
  const std::string licence = or_else(files.licence, "not stated here; see where it comes from");
  if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
    throw Error(
        fmt::format("data get: the licence of {} has to be accepted first ({}); if you do, add --accept-licence", files.name, licence));
  const std::string size = files.size() ? launch::human_bytes(files.size()) : "files whose size is not stated";
  say(stderr, "Do you accept the licence, and fetch {} into {}? [y/N] ", size, files.folder.string());
  std::string answer;
  std::getline(std::cin, answer);
  if (answer != "y" && answer != "Y" && answer != "yes")
    throw Error(fmt::format("data get: the licence of {} was not accepted; nothing was fetched", files.name));
}

bool has_work(const NamedFiles& files, const std::vector<NamedFile>& wanted) {
  return std::any_of(wanted.begin(), wanted.end(),
                     [&](const NamedFile& file) { return fetch::state_of(files.folder, file.item) != State::kComplete; });
}

// What a person has put into its place needs no more than to be unpacked.
bool needs_network(const NamedFiles& files, const std::vector<NamedFile>& wanted) {
  return std::any_of(wanted.begin(), wanted.end(), [&](const NamedFile& file) {
    const State state = fetch::state_of(files.folder, file.item);
    return file.by_hand.empty() && (state == State::kAbsent || state == State::kPart);
  });
}

int get(const Options& options) {
  const NamedFiles files = named(options.words()[1], options);
  const std::vector<NamedFile> wanted = wanted_files(files, options);
  if (files.place && (files.kind == "weights" || *files.place != files.folder)) {
    say(stderr, "{} is there: {}; --root DIR fetches it into another place\n", files.name, files.place->string());
  } else if (wanted.empty() || (files.kind == "weights" && !files.can_be_fetched())) {
    throw Error(wanted.empty() && !files.files.empty()
                    ? fmt::format("data get: nothing is fetched for split {} of {}; --split names another: {}", split_of(files, options),
                                  files.name, joined(files.data->split_names()))
                    : fmt::format("data get: {} cannot be fetched: {}", files.name, files.get));
  } else if (files.folder.empty()) {
    throw Error("data get: there is no folder to fetch into: neither CLB_DATA, XDG_DATA_HOME nor HOME is set; give --root DIR");
  } else if (has_work(files, wanted)) {
    print_about(stderr, files);
    if (needs_network(files, wanted)) require_consent(files, options);
    const std::vector<NamedFile> by_hand = fetch_files(files, wanted);
    for (const NamedFile& file : by_hand)
      say(stderr, "by hand: {} belongs at {}: {}; then call again\n", file.item.to, (files.folder / file.item.to).string(), file.by_hand);
    if (!by_hand.empty() && options.flag("json")) fmt::print("{}\n", base::pretty(files_json(named(files.name, options))));
    if (!by_hand.empty()) return static_cast<int>(base::Exit::kFailedRun);
  }
  const NamedFiles now = named(files.name, options);
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(files_json(now)));
  } else if (now.place) {
    say("{}\n", now.place->string());
  }
  return 0;
}

struct Checked {
  std::string what;
  std::string wrong;  // a sentence; "": good
};

// What `clbench info` asks, and whether the answer is what is known of the data set.
Checked look_through_plugin(const NamedFiles& files, const Options& options) {
  const auto plugins = installed_plugins(options);
  launch::Describer describer(launch::find_runner(), cache_folder(options), reading_progress());
  InstalledCatalogue catalogue(plugins, describer);
  try {
    const plan::OpenedByName opened =
        plan::open_by_name(*files.data, files.place ? files.place->string() : "", options.text("split"), catalogue);
    return {fmt::format("plugin {}: {} classes, fingerprint {}", files.data->plugin, opened.info.class_count, opened.info.fingerprint),
            opened.difference};
  } catch (const Error& error) {
    if (error.exit() == base::Exit::kGoOnLater) throw;
    return {"plugin " + files.data->plugin, error.what()};
  }
}

// Of data that somebody put there in another way nothing is said here: the plugin reads them.
std::vector<Checked> look_at_files(const NamedFiles& files, const std::vector<NamedFile>& wanted) {
  const fs::path folder = files.kind == "weights" ? files.place->parent_path() : files.place.value_or("");
  std::error_code error;
  const bool fetched = fs::exists(folder / fetch::kOwnFolder, error);
  std::vector<Checked> checked;
  for (const NamedFile& file : wanted)
    if (fetched || fs::exists(folder / file.item.to, error))
      checked.push_back({file.item.to, fetch::difference(folder, file.item, bytes_progress(file.item.to))});
  return checked;
}

int verify(const Options& options) {
  const NamedFiles files = named(options.words()[1], options);
  if (files.state() == "absent")
    throw Error(fmt::format("data verify: {} is {}; `clbench data {} {}`", files.name, files.looked_in,
                            files.can_be_fetched() ? "get" : "info", files.name));
  std::vector<Checked> checked = look_at_files(files, wanted_files(files, options));
  if (files.data) checked.push_back(look_through_plugin(files, options));
  const bool good = std::all_of(checked.begin(), checked.end(), [](const Checked& one) { return one.wrong.empty(); });
  if (options.flag("json")) {
    Json json{{"name", files.name}, {"good", good}, {"findings", Json::array()}};
    for (const Checked& one : checked) json["findings"].push_back({{"what", one.what}, {"wrong", one.wrong}});
    fmt::print("{}\n", base::pretty(json));
  } else {
    for (const Checked& one : checked) say("{}: {}\n", one.what, or_else(one.wrong, "good"));
  }
  return static_cast<int>(good ? base::Exit::kOk : base::Exit::kFailedRun);
}

struct Action {
  const char* word;
  size_t words;  // it and what stands behind it
  int (*run)(const Options&);
};
constexpr Action kActions[] = {{"list", 1, list}, {"info", 2, info}, {"get", 2, get}, {"verify", 2, verify}};

}  // namespace

int verb_data(const Arguments& arguments) {
  Options options(kData);
  add_places(options);
  options.add()("split", po::value<std::string>()->value_name("S"),
                "get, verify: files of this split of the data set; default: of its usual one");
  options.add()("accept-licence", "get: the licence is accepted, which is asked for otherwise");
  options.add_installation();
  options.add_cache();
  options.add_json();
  if (!options.parse(arguments, 1, 2)) return 0;
  std::vector<std::string> names;
  for (const Action& action : kActions) {
    names.emplace_back(action.word);
    if (options.words()[0] != action.word) continue;
    if (options.words().size() < action.words)
      throw Error(fmt::format("data {}: NAME is missing; `clbench data list` shows the names", action.word));
    if (options.words().size() > action.words)
      throw Error(fmt::format("data {}: '{}' is one word too many", action.word, options.words()[action.words]));
    return action.run(options);
  }
  const std::string near = base::nearest(options.words()[0], names);
  throw Error(
      fmt::format("data: '{}' is none of {}{}", options.words()[0], joined(names), near.empty() ? "" : "; did you mean '" + near + "'?"));
}

}  // namespace clb::cli
