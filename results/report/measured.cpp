#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <filesystem>
#include <map>

#include <clb/report/reference.hpp>

#include "model.hpp"

namespace clb::report {
namespace {

using base::Json;

constexpr uint64_t kMaxBytes = uint64_t{1} << 28;

std::string machine_class(const store::Machine& machine) {
  return machine.cpu + ", " + std::to_string(machine.cores) + " cores" + (machine.gpu.empty() ? "" : ", " + machine.gpu);
}

// Where files lay says nothing to others and is no part of the key.
Json without_paths(Json spec) {
  const auto clear = [](Json& object, const char* member) {
    if (object.is_object() && object.contains(member)) object[member] = "";
  };
  clear(spec["method"], "file");
  const auto clear_dataset = [&](Json& dataset) {
    clear(dataset, "file");
    clear(dataset, "root");
  };
  clear_dataset(spec["dataset"]);
  if (spec["dataset"].contains("sequence"))
    for (Json& part : spec["dataset"]["sequence"]) clear_dataset(part);
  for (Json& weights : spec["weights"])
    if (weights.contains("file") && weights["file"].is_string())
      weights["file"] = std::filesystem::path(weights["file"].get<std::string>()).filename().string();
  return spec;
}

MeasuredRun run_from(const Json& json, const std::string& where) {
  MeasuredRun run;
  run.spec = base::RunSpec::upgrade(json.at("spec"));
  run.key = json.at("key");
  if (base::RunSpec::from_stored(run.spec, where).key() != run.key)
    throw base::Error(where + ": the key " + run.key.substr(0, 12) +
                      " is not that of its spec; the file was changed by hand or is damaged");
  run.tasks_planned = json.at("tasks_planned");
  for (const Json& row : json.at("evals")) {
    base::EvalCount count;
    count.group = row.at(1);
    count.n = row.at(2);
    count.correct = row.at(3);
    count.correct_within = row.at(4);
    if (count.n < 0 || count.correct < 0 || count.correct > count.n || count.correct_within < count.correct ||
        count.correct_within > count.n)
      throw base::Error(where + ": run " + run.key.substr(0, 12) + " counts more correct samples than there are");
    run.evals.push_back({row.at(0), count});
  }
  run.logit_hash = json.at("logit_hash");
  run.plugin_version = json.at("plugin_version");
  run.commit = json.at("commit");
  run.libtorch = json.at("libtorch");
  run.machine = json.at("machine");
  run.device = json.at("device");
  run.dtype = json.at("dtype");
  return run;
}

Json to_json(const MeasuredRun& run) {
  Json evals = Json::array();
  for (const store::EvalRow& row : run.evals)
    evals.push_back({row.after_task, row.count.group, row.count.n, row.count.correct, row.count.correct_within});
  return {{"key", run.key},
          {"spec", without_paths(run.spec)},
          {"tasks_planned", run.tasks_planned},
          {"evals", std::move(evals)},
          {"logit_hash", run.logit_hash},
          {"plugin_version", run.plugin_version},
          {"commit", run.commit},
          {"libtorch", run.libtorch},
          {"machine", run.machine},
          {"device", run.device},
          {"dtype", run.dtype}};
}

}  // namespace

std::vector<MeasuredRun> measured_runs(const store::Store& store) { return measured_runs(store, store.light_runs()); }

std::vector<MeasuredRun> measured_runs(const store::Store& store, const std::vector<store::RunRow>& rows) {
  std::vector<MeasuredRun> runs;
  for (const store::RunRow& row : rows) {
    if (row.status.status != "ok" || row.marked()) continue;  // what a second look marks reproduces nothing
    const std::map<int64_t, std::string> hashes = store.logit_hashes(row.attempt_id);
    runs.push_back({store.spec(row.run_id), row.key, row.tasks_planned, store.evals(row.attempt_id),
                    hashes.empty() ? "" : hashes.rbegin()->second, row.plugin_version, row.commit, row.libtorch, machine_class(row.machine),
                    row.device, row.dtype});
  }
  return runs;
}

std::vector<MeasuredRun> read_measured(const std::filesystem::path& file) {
  const std::string where = file.string();
  const Json json = base::parse_json(base::read_file(file, kMaxBytes), where);
  try {
    if (json.at("version") != 1) throw base::Error(where + ": written by another version of clbench");
    std::vector<MeasuredRun> runs;
    for (const Json& run : json.at("runs")) runs.push_back(run_from(run, where));
    return runs;
  } catch (const Json::exception&) {
    throw base::Error(where + ": is no file of recorded runs, as `clbench table --record` writes them; name one of those");
  }
}

std::string measured_json(std::vector<MeasuredRun> runs) {
  std::map<std::string, Json> by_key;
  for (const MeasuredRun& run : runs) by_key.insert_or_assign(run.key, to_json(run));
  // One run on a line: a change of one run is a change of one line.
  std::string text = "{\"version\": 1, \"runs\": [";
  const char* separator = "\n";
  for (const auto& [unused, run] : by_key) {
    text += separator + base::canonical(run);
    separator = ",\n";
  }
  return text + "\n]}\n";
}

}  // namespace clb::report
