// clbench audit: every stored count, key and checksum of a database or a run, computed again.
#include <fmt/format.h>

#include <clb/audit/audit.hpp>
#include <clb/base/error.hpp>
#include <clb/base/paths.hpp>
#include <clb/base/sha256.hpp>
#include <clb/launch/describe.hpp>
#include <cstdio>
#include <filesystem>
#include <map>
#include <numeric>
#include <optional>

#include "installation.hpp"
#include "options.hpp"
#include "progress_line.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;
using base::Json;

namespace {

constexpr VerbText kAudit{"audit", "[DB|RUN]", "recount every stored count from the stored predictions; check keys, checksums and seals",
                          "clbench audit results.sqlite"};

// What the installed plugin says of the data that a run names, asked once per dataset by the audit. Never from the cache: whether that is
// right is what the audit is to say.
class Data {
 public:
  explicit Data(const Options& options) : plugins_(installed_plugins(options)) {}

  audit::DatasetFacts facts(const base::DatasetSpec& dataset) {
    audit::DatasetFacts facts;
    std::error_code error;
    if (dataset.root.empty() || !fs::exists(dataset.root, error)) {
      facts.missing = "not compared with the data, which are not on this machine";
      return facts;
    }
    try {
      if (!describer_) describer_.emplace(launch::find_runner(), std::nullopt, reading_progress());
      const base::DatasetInfo info =
          describer_->opened_dataset(launch::plugin(plugins_, "dataset", dataset.id).file, dataset.root, dataset.params);
      facts.fingerprint = info.fingerprint;
      facts.labels = {{"train", info.train_labels}, {"test", info.test_labels}};
      const auto sum = [](const std::vector<int64_t>& counts) { return std::accumulate(counts.begin(), counts.end(), int64_t{0}); };
      facts.samples = {{"train", sum(info.train_counts)}, {"test", sum(info.test_counts)}};
    } catch (const base::Error& why) {
      facts.missing = fmt::format("not compared with the data: {}", why.what());
    }
    return facts;
  }

 private:
  std::vector<launch::PluginFile> plugins_;
  std::optional<launch::Describer> describer_;
};

std::string sha256_now(const std::string& file) {
  try {
    return base::hex(base::sha256_file(file));
  } catch (const base::Error&) {
    return "";
  }
}

std::string state_of(const audit::RunAudit& run) {
  return !run.differences.empty() ? "differs" : !run.unchecked.empty() ? "not recounted" : "ok";
}

void print_json(const fs::path& file, const audit::Report& report) {
  Json runs = Json::array();
  for (const audit::RunAudit& run : report.runs)
    runs.push_back({{"key", run.key},
                    {"method", run.method},
                    {"preset", run.preset},
                    {"dataset", run.dataset},
                    {"seed", run.seed},
                    {"order_seed", run.order_seed},
                    {"attempts", run.attempts},
                    {"counts", run.counts},
                    {"state", state_of(run)},
                    {"differences", run.differences},
                    {"unchecked", run.unchecked},
                    {"labels", run.labels},
                    {"seal", run.seal},
                    {"weights", run.weights},
                    {"plugin", run.plugin}});
  const Json json{{"database", file.string()},
                  {"differences", report.differences},
                  {"differing", report.differing()},
                  {"not_recounted", report.unchecked()},
                  {"runs", std::move(runs)}};
  fmt::print("{}\n", base::pretty(json));
}

void print_text(const fs::path& file, const audit::Report& report) {
  for (const std::string& difference : report.differences) say("differs: {}\n", difference);
  std::map<std::pair<std::string, std::string>, size_t> compared;
  for (const audit::RunAudit& run : report.runs) {
    say("{}: run {} {}{}{} on {}, seed {}, order {}: {} counts of {} {} recounted\n", state_of(run), run.key.substr(0, 12), run.method,
        run.preset.empty() ? "" : "/", run.preset, run.dataset, run.seed, run.order_seed, run.counts, run.attempts,
        run.attempts == 1 ? "attempt" : "attempts");
    for (const auto* list : {&run.differences, &run.unchecked})
      for (const std::string& sentence : *list) say("  {}\n", sentence);
    for (const auto& [what, text] : {std::pair("labels", &run.labels), std::pair("seal", &run.seal), std::pair("weights", &run.weights),
                                     std::pair("plugin", &run.plugin)})
      if (!text->empty()) ++compared[{what, *text}];
  }
  for (const auto& [what, count] : compared) say("{} of {} runs: {}\n", what.first, count, what.second);
  if (!report.runs.empty()) say("data, weights and plugins on this machine were read afresh, not taken from the cache\n");
  const size_t differing = report.differing(), unchecked = report.unchecked();
  say("{}: {} of {} runs ok, {} differ, {} not recounted{}\n", file.string(), report.runs.size() - differing - unchecked,
      report.runs.size(), differing, unchecked, report.differences.empty() ? "" : "; shared rows differ");
}

}  // namespace

int verb_audit(const Arguments& arguments) {
  Options options(kAudit);
  options.add_database();
  options.add_installation();
  options.add_json();
  if (!options.parse(arguments, 0, 1)) return 0;
  // A word is a file where there is one; else the key of a run in --db.
  const std::string word = options.words().empty() ? "" : options.words()[0];
  const bool is_key = !word.empty() && word.find_first_not_of("0123456789abcdef") == std::string::npos && !fs::exists(word);
  const fs::path file = word.empty() || is_key ? fs::path(options.text("db")) : fs::path(word);

  Data data(options);
  const audit::Report report = audit::audit(file, {.run_key = is_key ? word : "",
                                                   .facts = [&](const base::DatasetSpec& dataset) { return data.facts(dataset); },
                                                   .sha256 = sha256_now,
                                                   .progress = progress_line(file.string(), "runs recounted")});
  if (options.flag("json")) {
    print_json(file, report);
  } else {
    print_text(file, report);
  }
  if (!report.same()) return static_cast<int>(base::Exit::kFailedRun);
  return report.unchecked() > 0 ? static_cast<int>(base::Exit::kCannotTell) : 0;
}

}  // namespace clb::cli
