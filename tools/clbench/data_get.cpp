// clbench data get: what is not there is fetched; where somebody's own files lie, what they lack.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/safetensors.hpp>
#include <clb/launch/human.hpp>
#include <iostream>

#include "data_actions.hpp"
#include "progress_line.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;
using base::Error;
using fetch::State;

namespace {

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

fetch::Options fetch_options(const std::string& subject) {
  fetch::Options options;
  options.progress = bytes_progress(subject);
  options.note = [](const std::string& sentence) { say(stderr, "{}\n", sentence); };
  return options;
}

// A file that is something else would be found out by the first run.
void check_weights(const fs::path& file) {
  const base::MappedFile mapped(file);
  base::parse_safetensors(mapped.bytes(), file.string());
}

bool fetch_one(const NamedFiles& files, fetch::Item item) try {
  if (files.kind == "weights") item.source.check = check_weights;
  return fetch::Folder(files.folder, fetch_options(item.to)).get(item);
} catch (const Error& error) {
  if (error.exit() != base::Exit::kFailedRun) throw;
  throw Error(fmt::format("{}; or get it by hand, put it at {} and call again{}", error.what(), (files.folder / item.to).string(),
                          files.get.empty() ? "" : " (" + files.get + ")"),
              error.exit());
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

void say_by_hand(const NamedFiles& files, const std::vector<NamedFile>& by_hand) {
  for (const NamedFile& file : by_hand)
    say(stderr, "by hand: {} belongs at {}: {}; then call again\n", file.item.to, (files.folder / file.item.to).string(), file.by_hand);
}

// False: a person has to fetch some of it, which was said.
bool fetch_wanted(const NamedFiles& files, const std::vector<NamedFile>& wanted, const Options& options) {
  if (files.folder.empty())
    throw Error("data get: there is no folder to fetch into: neither CLB_DATA, XDG_DATA_HOME nor HOME is set; give --root DIR");
  if (!has_work(files, wanted)) return true;
  print_about(stderr, files);
  if (needs_network(files, wanted)) require_consent(files, options);
  const std::vector<NamedFile> by_hand = fetch_files(files, wanted);
  say_by_hand(files, by_hand);
  return by_hand.empty();
}

bool are_somebodys(const NamedFiles& files) {
  if (!files.data || !files.place) return false;
  std::vector<fetch::Item> items;
  for (const NamedFile& file : files.files) items.push_back(file.item);
  return *files.place != files.folder || fetch::holds_others(*files.place, items);
}

// The plugin knows whether they are the split. What it may lack are files that are read as they are, lists above all: they are fetched
// beside them. Archives hold what lies there in another form, or another split, for which another place is needed.
bool complete_somebodys(NamedFiles files, const std::vector<NamedFile>& wanted, const Options& options) {
  files.folder = *files.place;
  Checked found = look_through_plugin(files, options);
  if (found.wrong.empty()) return true;
  std::vector<NamedFile> lists;
  std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(lists), [](const NamedFile& file) { return !file.item.unpack; });
  if (has_work(files, lists)) {
    if (!fetch_wanted(files, lists, options)) return false;
    found = look_through_plugin(files, options);
    if (found.wrong.empty()) return true;
  }
  const std::string split = split_of(files, options);
  throw Error(fmt::format("data get: {} lies in {}, but{} cannot be used: {}{}", files.name, files.place->string(),
                          split.empty() ? "" : " for split " + split, found.wrong,
                          files.can_be_fetched() ? fmt::format("; `clbench data get {}{} --root DIR` fetches it into another place",
                                                               files.name, options.flag("split") ? " --split " + split : "")
                                                 : ""),
              base::Exit::kFailedRun);
}

// False: something is left to do for a person.
bool get(const NamedFiles& files, const Options& options) {
  const std::vector<NamedFile> wanted = wanted_files(files, options);
  if (are_somebodys(files)) return complete_somebodys(files, wanted, options);
  if (files.place && files.kind == "weights") {
    say(stderr, "{} is there: {}; --root DIR fetches it into another place\n", files.name, files.place->string());
    return true;
  }
  if (wanted.empty() && !files.files.empty())
    throw Error(fmt::format("data get: nothing is fetched for split {} of {}; --split names another ({}), by hand: {}",
                            split_of(files, options), files.name, joined(files.data->split_names()), files.get));
  if (wanted.empty() || (files.kind == "weights" && !files.can_be_fetched()))
    throw Error(fmt::format("data get: {} cannot be fetched: {}", files.name, files.get));
  return fetch_wanted(files, wanted, options);
}

}  // namespace

std::vector<NamedFile> fetch_files(const NamedFiles& files, const std::vector<NamedFile>& wanted) {
  std::vector<NamedFile> by_hand;
  for (const NamedFile& file : wanted)
    if (!fetch_one(files, file.item)) by_hand.push_back(file);
  return by_hand;
}

std::vector<NamedFile> wanted_files(const NamedFiles& files, const Options& options) {
  check_split(files, options.text("split"));
  std::vector<NamedFile> wanted;
  const std::string split = split_of(files, options);
  for (const NamedFile& file : files.files)
    if (split.empty() || file.splits.empty() || std::find(file.splits.begin(), file.splits.end(), split) != file.splits.end())
      wanted.push_back(file);
  return wanted;
}

int data_get(const Options& options) {
  const NamedFiles files = named(options.words()[1], options);
  const bool all = get(files, options);
  const NamedFiles now = named(files.name, options);
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(files_json(now)));
  } else if (all && now.place) {
    say("{}\n", now.place->string());
  }
  return static_cast<int>(all ? base::Exit::kOk : base::Exit::kFailedRun);
}

}  // namespace clb::cli
