// clbench data: data sets and weights that have a name. What is here, fetching what is not, and checking it.
#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/nearest.hpp>
#include <clb/launch/human.hpp>

#include "columns.hpp"
#include "data_actions.hpp"
#include "say.hpp"

namespace clb::cli {

using base::Error;
using base::Json;

namespace {

Json file_json(const NamedFiles& files, const NamedFile& file) {
  const fetch::Source& source = file.item.source;
  Json json{{"to", file.item.to}, {"url", source.urls}, {"splits", file.splits}, {"by_hand", file.by_hand}};
  json["bytes"] = source.size ? Json(source.size) : Json();
  if (!source.digest.empty()) json[source.digest.kind] = source.digest.digits;
  if (!files.folder.empty()) json["state"] = fetch::word(fetch::state_of(files.folder, file.item));
  return json;
}

}  // namespace

std::string or_else(const std::string& text, const char* otherwise) { return text.empty() ? otherwise : text; }

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

void print_about(std::FILE* to, const NamedFiles& files) {
  say(to, "{}{}{}\n  licence   {}\n", files.name, files.title.empty() ? "" : ": ", files.title, or_else(files.licence, "not stated here"));
  if (!files.homepage.empty()) say(to, "  {}  {}\n", files.kind == "data" ? "homepage" : "source  ", files.homepage);
}

namespace {

constexpr VerbText kData{"data", "list | info NAME | get NAME | verify NAME",
                         "data sets and weights by name: what is here, and fetching the rest",
                         "clbench data get cifar100 --accept-licence"};

std::string size_of(uint64_t bytes) { return bytes ? launch::human_bytes(bytes) : "size not stated"; }

// How one gets it: "get", or by hand.
std::string way(const NamedFiles& files) {
  if (!files.can_be_fetched()) return "by hand";
  const bool all = std::all_of(files.files.begin(), files.files.end(), [](const NamedFile& file) { return file.by_hand.empty(); });
  return all ? "data get" : "data get, and by hand";
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

struct Action {
  const char* word;
  size_t words;  // it and what stands behind it
  int (*run)(const Options&);
};
constexpr Action kActions[] = {{"list", 1, list}, {"info", 2, info}, {"get", 2, data_get}, {"verify", 2, data_verify}};

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
