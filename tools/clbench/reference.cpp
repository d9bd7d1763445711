#include "reference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/output.hpp>
#include <clb/base/paths.hpp>
#include <clb/plan/plan.hpp>
#include <clb/report/reference.hpp>
#include <map>
#include <set>

#include "catalogue.hpp"
#include "installation.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

// Preset and parameters of an entry with the plugin's defaults.
class Published::Settings {
 public:
  explicit Settings(const Options& options)
      : plugins_(installed_plugins(options)), describer_(launch::find_runner(), cache_folder(options)), catalogue_(plugins_, describer_) {
    const std::vector<std::string> ids = catalogue_.method_ids();
    installed_.insert(ids.begin(), ids.end());
  }

  // Worked out once: a leaderboard asks for every row.
  const std::optional<report::MethodSetting>& operator()(const reference::Entry& entry) {
    const auto known = settings_.find(&entry);
    return known != settings_.end() ? known->second : settings_.emplace(&entry, setting_of(entry)).first->second;
  }

 private:
  std::optional<report::MethodSetting> setting_of(const reference::Entry& entry) {
    if (!installed_.contains(entry.method)) return std::nullopt;
    auto info = infos_.find(entry.method);
    if (info == infos_.end()) info = infos_.emplace(entry.method, catalogue_.method(entry.method)).first;
    plan::MethodSettings settings =
        plan::method_settings({entry.place, entry.preset, entry.params, entry.train_transform}, base::share(), info->second);
    return report::MethodSetting{std::move(settings.params), std::move(settings.train_transform)};
  }

  std::vector<launch::PluginFile> plugins_;
  launch::Describer describer_;
  InstalledCatalogue catalogue_;
  std::set<std::string> installed_;
  std::map<std::string, base::MethodInfo> infos_;
  std::map<const reference::Entry*, std::optional<report::MethodSetting>> settings_;
};

Published::Published(const Options& options)
    : references_(reference::read_references(base::share() / "reference", weights::read_all_known(weights_folders(options)))),
      settings_(std::make_unique<Settings>(options)) {}

Published::~Published() = default;

std::vector<report::AgainstReference> Published::compare(const std::vector<report::MeasuredRun>& runs, const std::string& method) {
  return report::against_references(references_, runs, method, [&](const reference::Entry& entry) { return (*settings_)(entry); });
}

std::vector<reference::Entry> Published::of(const base::Json& spec) {
  std::vector<reference::Entry> entries;
  if (!references_.aliases.data.contains(spec.value("/dataset/fingerprint"_json_pointer, ""))) return entries;  // data without a name
  for (const reference::Entry& entry : references_.entries) {
    if (entry.method != spec.value("/method/id"_json_pointer, "") || !entry.incomparable.empty()) continue;
    const auto& setting = (*settings_)(entry);
    if (setting && report::departure(entry, *setting, spec, references_.aliases).empty()) entries.push_back(entry);
  }
  return entries;
}

namespace {

// The runs that the table shows join those that FILE holds.
// FILE is read and written: another file than one of recorded runs, or an empty one, is refused by its reader.
void record(const fs::path& file, const fs::path& database, const std::vector<report::AgainstReference>& comparisons) {
  std::vector<report::MeasuredRun> runs;
  std::error_code error;
  if (fs::is_regular_file(file, error) && fs::file_size(file, error) > 0) {
    runs = report::read_measured(file);
    if (runs.empty())
      throw base::Error(fmt::format("{}: holds no recorded run; give --record a file of recorded runs or a new one", file.string()));
  }
  const base::OutputRule rule{"a file of recorded runs", [](std::string_view) { return true; }, database_files(database), false};
  std::set<std::string> shown;
  for (const report::AgainstReference& comparison : comparisons)
    for (const report::MeasuredRun* run : comparison.runs)
      if (shown.insert(run->key).second) runs.push_back(*run);
  if (shown.empty())
    throw base::Error(fmt::format("{}: no run of the database is of a published setting; nothing to record", file.string()));
  base::write_output(file, report::measured_json(std::move(runs)), rule);
  say(stderr, "{}: {} runs recorded\n", file.string(), shown.size());
}

}  // namespace

std::vector<reference::Claim> claims_of_the_literature() {
  const fs::path file = base::share() / "reference" / "claims.toml";
  std::error_code error;
  return fs::exists(file, error) ? reference::read_claims(file) : std::vector<reference::Claim>{};
}

void tell_of_weights(report::TableOptions& table, const Options& options) {
  const fs::path file = base::share() / "reference" / "aliases.toml";
  const std::vector<weights::Known> known = weights::read_all_known(weights_folders(options));
  std::error_code error;
  const reference::Aliases aliases = fs::exists(file, error) ? reference::read_aliases(file, known) : reference::Aliases{};
  table.weight_names = aliases.weights;
  table.overlap = [aliases](const std::string& weights, const std::string& data) { return aliases.overlap_of(weights, data); };
}

std::string reference_table(const Options& options, report::Format format) {
  for (const char* option : {"experiment", "metrics"})
    if (options.flag(option)) throw base::Error(fmt::format("table: --{} does not go with --reference", option));
  if (format == report::Format::kLatex) throw base::Error("table: --reference is printed as text, markdown, csv or json");
  if (options.flag("runs") && options.flag("record")) throw base::Error("table: --record takes runs from a database, not from --runs");
  Published published(options);
  const std::vector<report::MeasuredRun> runs =
      options.flag("runs") ? report::read_measured(options.text("runs"))
                           : report::measured_runs(store::Store::open(options.text("db"), store::Store::Mode::kRead));
  const std::vector<report::AgainstReference> comparisons = published.compare(runs, options.text("method"));
  if (options.flag("record")) record(options.text("record"), options.text("db"), comparisons);
  return report::render_comparison(comparisons, format);
}

}  // namespace clb::cli
