// clbench data verify: digests of what was fetched, what it was unpacked into, and what the plugin finds.
#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/there.hpp>
#include <clb/launch/describe.hpp>
#include <clb/plan/named.hpp>
#include <numeric>

#include "catalogue.hpp"
#include "data_actions.hpp"
#include "installation.hpp"
#include "progress_line.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;
using base::Error;
using base::Json;

namespace {

std::string found(const plan::OpenedByName& opened) {
  const base::DatasetInfo& info = opened.info;
  const auto total = [](const std::vector<int64_t>& counts) { return std::accumulate(counts.begin(), counts.end(), int64_t{0}); };
  std::string text = fmt::format("{} classes", info.class_count);
  if (!info.domain_names.empty()) text += fmt::format(", domains {}", joined(info.domain_names));
  if (const int64_t train = total(info.train_counts), test = total(info.test_counts); train + test > 0)
    text += fmt::format(", {} training and {} test samples{}", train, test,
                        opened.counts_stated ? "" : " (how many there should be is not stated)");
  return text + ", fingerprint " + info.fingerprint;
}

// Of data that somebody put there in another way nothing is said here: the plugin reads them.
std::vector<Checked> look_at_files(const NamedFiles& files, const std::vector<NamedFile>& wanted) {
  const fs::path folder = files.kind == "weights" ? files.place->parent_path() : files.place.value_or("");
  std::vector<fetch::Item> items;
  for (const NamedFile& file : files.files) items.push_back(file.item);
  const bool ours = base::is_there(folder / fetch::kOwnFolder) && !fetch::holds_others(folder, items);
  std::vector<Checked> checked;
  for (const NamedFile& file : wanted) {
    if (!ours && fetch::state_of(folder, file.item) == fetch::State::kAbsent) continue;
    std::string wrong = fetch::difference(folder, file.item, bytes_progress(file.item.to));
    if (!wrong.empty()) wrong += fmt::format("; what is moved away, `clbench data get {}` brings again", files.name);
    checked.push_back({file.item.to, std::move(wrong)});
  }
  return checked;
}

}  // namespace

Checked look_through_plugin(const NamedFiles& files, const Options& options) {
  const auto plugins = installed_plugins(options);
  launch::Describer describer(launch::find_runner(), cache_folder(options), reading_progress());
  InstalledCatalogue catalogue(plugins, describer);
  const std::vector<std::string> split = options.flag("split") ? std::vector{"split=" + options.text("split")} : std::vector<std::string>{};
  try {
    const plan::OpenedByName opened = plan::open_by_name(*files.data, files.place ? files.place->string() : "", split, catalogue);
    return {fmt::format("plugin {}: {}", files.data->plugin, found(opened)), opened.difference};
  } catch (const Error& error) {
    if (error.exit() == base::Exit::kGoOnLater) throw;
    return {"plugin " + files.data->plugin, error.what()};
  }
}

int data_verify(const Options& options) {
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

}  // namespace clb::cli
