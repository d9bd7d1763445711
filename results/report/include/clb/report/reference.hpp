// `clbench table --reference`: what was reported beside what was measured here. A run counts for a reported number only when data, subset,
// protocol, class order, transforms, test batching, weights, precision and every parameter are the same; else the cell says "not run here".
#pragma once

#include <clb/reference/reference.hpp>
#include <clb/report/table.hpp>
#include <clb/stats/interval.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace clb::report {

// A finished run with what its metrics are computed from, out of a database or out of a file of recorded runs.
struct MeasuredRun {
  base::Json spec;  // RunSpec::to_stored
  std::string key;
  int64_t tasks_planned = 0;
  std::vector<store::EvalRow> evals;
  std::string logit_hash;  // of the last task: who repeats the run on an equal machine finds the same
  std::string plugin_version, commit, libtorch, machine, device, dtype;
};

std::vector<MeasuredRun> measured_runs(const store::Store& store);
std::vector<MeasuredRun> measured_runs(const store::Store& store, const std::vector<store::RunRow>& rows);  // of these alone

// Recorded runs as JSON: a key must be that of its spec, so that nobody gives a run other parameters by hand; means are computed from the
// counts when a table is printed and stand nowhere. Error names the file.
std::vector<MeasuredRun> read_measured(const std::filesystem::path& file);
std::string measured_json(std::vector<MeasuredRun> runs);  // by key, each once; without paths of the machine

// Every parameter with its value, and the training transform's name: what preset and parameters of an entry come to.
struct MethodSetting {
  base::Json params;
  std::string train_transform;
};
using Resolve = std::function<std::optional<MethodSetting>(const reference::Entry&)>;  // nullopt: the plugin is not installed

struct AgainstReference {
  reference::Entry entry;
  std::vector<const MeasuredRun*> runs;  // of the identical key
  std::optional<stats::Summary> ours;    // %
  std::string verdict;                   // "within tolerance", "outside tolerance (by 1.20)", "not run here", ...
};

// Entries of one method, or of all when `method` is empty.
std::vector<AgainstReference> against_references(const reference::References& references, const std::vector<MeasuredRun>& runs,
                                                 const std::string& method, const Resolve& resolve);

// In which the run departs from the entry; "" when in nothing. `setting`: the entry's, resolved.
std::string departure(const reference::Entry& entry, const MethodSetting& setting, const base::Json& spec,
                      const reference::Aliases& aliases);

std::string render_comparison(const std::vector<AgainstReference>& comparisons, Format format);

}  // namespace clb::report
