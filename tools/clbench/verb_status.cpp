// clbench status: the runs of a database and how they ended.
#include <fmt/format.h>

#include <algorithm>
#include <clb/base/file.hpp>
#include <clb/base/output.hpp>
#include <clb/launch/human.hpp>
#include <clb/store/store.hpp>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "columns.hpp"
#include "labels.hpp"
#include "options.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;
using base::Json;

namespace {

constexpr VerbText kStatus{"status", "", "the runs of a database and how they ended", "clbench status --db results.sqlite"};

constexpr size_t kShown = 100;  // runs, without --all

// An attempt is "running" as long as its launcher holds the database's lock, wherever that lives; one that was killed could not write
// anything else.
bool writer_lives(const fs::path& database) { return base::FileLock::held(base::followed(database).string() + ".lock"); }

std::string state_of(int64_t attempt, const std::string& status, bool writer) {
  if (attempt == 0) return "planned";
  return status == "running" && !writer ? "lost" : status;
}

std::string reason_of(const store::RunRow& run, const std::string& state) {
  return state == "lost" && run.status.reason.empty() ? "its launcher was killed" : run.status.reason;
}

// Parameters by configuration: many runs share one.
using Params = std::map<std::string, Json>;

Params params_of(const store::Store& store, const std::vector<store::RunRow>& runs) {
  Params params;
  for (const store::RunRow& run : runs) {
    if (params.contains(run.config_key)) continue;
    const Json spec = store.spec(run.run_id);
    params[run.config_key] = spec.value("/method/params"_json_pointer, Json::object());
  }
  return params;
}

Json look_json(const store::RunRow& run) {
  if (!run.look) return nullptr;
  return {{"outcome", run.look->outcome},
          {"reason", run.look->reason},
          {"samples", run.look->samples},
          {"differing", run.look->differing},
          {"seconds", run.look->seconds}};
}

// Of the runs that are shown.
void print_warnings(const std::vector<store::RunRow>& runs) {
  for (const store::RunRow& run : runs)
    if (run.marked()) say("warning: run {}: {}; its row is not ranked\n", run.key.substr(0, 12), run.look->reason);
}

// What a time is worth: the share of the machine that others took meanwhile. Nothing where it was not recorded.
std::optional<double> recorded(const store::Store& store, const store::RunRow& run, const char* name) {
  const std::map<std::string, double> resources = store.resources(run.attempt_id);
  const auto found = resources.find(name);
  return found == resources.end() ? std::nullopt : std::optional(found->second);
}

Json run_json(const store::Store& store, const store::RunRow& run, const std::string& state, const Json& params) {
  const auto number = [&](const char* name) {
    const auto value = recorded(store, run, name);
    return value ? Json(*value) : Json(nullptr);
  };
  return {{"key", run.key},
          {"experiment", run.experiment},
          {"attempt", run.uuid},
          {"attempts", run.attempts},
          {"method", run.method},
          {"preset", run.preset},
          {"params", params},
          {"dataset", run.dataset},
          {"seed", run.seed},
          {"order_seed", run.order_seed},
          {"status", state},
          {"reason", reason_of(run, state)},
          {"log_tail", run.status.log_tail},
          {"at", run.status.at},
          {"tasks_done", run.tasks_done},
          {"tasks_planned", run.tasks_planned},
          {"wall_s", run.wall_s},
          {"processor_s", number("processor_seconds")},
          {"others_share", number("others_share")},
          {"second_look", look_json(run)}};
}

void print_json(const store::Store& store, const std::vector<store::RunRow>& runs, const Params& params, bool writer) {
  fmt::print("[");
  const char* separator = "\n";
  for (const store::RunRow& run : runs) {  // one by one: of 100,000 runs the whole would be gigabytes
    const Json json = run_json(store, run, state_of(run.attempt_id, run.status.status, writer), params.at(run.config_key));
    fmt::print("{}{}", separator, base::pretty(json));
    separator = ",\n";
  }
  fmt::print("\n]\n");
}

void print_text(const store::Store& store, const std::vector<store::RunRow>& runs, const Params& params, bool writer) {
  std::vector<std::pair<std::string, Json>> methods;
  for (const store::RunRow& run : runs) methods.emplace_back(run.method, params.at(run.config_key));
  const std::vector<std::string> differing = differing_params(methods);
  Columns columns({"run", "experiment", "method", "params", "dataset", "order", "seed", "state", "tasks", "time", "others", "reason"});
  for (size_t i = 0; i < runs.size(); ++i) {
    const store::RunRow& run = runs[i];
    const std::string state = state_of(run.attempt_id, run.status.status, writer);
    const auto others = recorded(store, run, "others_share");
    columns.add({run.key.substr(0, 12), run.experiment, run.method + (run.preset.empty() ? "" : "/" + run.preset), differing[i],
                 run.dataset, std::to_string(run.order_seed), std::to_string(run.seed), state,
                 fmt::format("{}/{}", run.tasks_done, run.tasks_planned), launch::human_seconds(run.wall_s),
                 others ? fmt::format("{:.0f} %", 100 * *others) : "–", reason_of(run, state)});
  }
  if (!columns.empty()) fmt::print("{}\n", columns.text());
}

// Of more runs than a person reads: those that need attention before the finished ones, newest first, then in the order of the plan.
std::vector<store::RunState> worth_showing(std::vector<store::RunState> states) {
  std::stable_sort(states.begin(), states.end(), [](const store::RunState& a, const store::RunState& b) {
    if ((a.status == "ok") != (b.status == "ok")) return b.status == "ok";
    if ((a.attempt_id == 0) != (b.attempt_id == 0)) return b.attempt_id == 0;
    return a.run_id > b.run_id;
  });
  states.resize(kShown);
  std::sort(states.begin(), states.end(), [](const auto& a, const auto& b) { return a.run_id < b.run_id; });
  return states;
}

}  // namespace

int verb_status(const Arguments& arguments) {
  Options options(kStatus);
  options.add_database();
  options.add()("experiment", po::value<std::string>()->value_name("NAME"), "only the runs of this experiment");
  options.add()("all", "every run; without it, of more than 100 runs those that need attention and the newest");
  options.add_json();
  if (!options.parse(arguments, 0, 0)) return 0;
  const fs::path database = options.text("db");
  const store::Store store = store::Store::open(database, store::Store::Mode::kRead);
  const bool writer = writer_lives(database);

  std::vector<store::RunState> states = store.states();
  if (options.flag("experiment")) {
    const std::set<int64_t> wanted = store.runs_of(options.text("experiment"));
    std::erase_if(states, [&](const store::RunState& state) { return !wanted.contains(state.run_id); });
  }
  const size_t all = states.size();
  std::map<std::string, size_t> counts;
  for (const store::RunState& state : states) ++counts[state_of(state.attempt_id, state.status, writer)];
  const bool json = options.flag("json");
  if (!json && !options.flag("all") && all > kShown) states = worth_showing(std::move(states));

  const std::vector<store::RunRow> runs = store.light_runs(states);
  const Params params = params_of(store, runs);
  if (json) {
    print_json(store, runs, params, writer);
    return 0;
  }
  if (all == 0) {
    say("{}: no runs\n", database.string());
    return 0;
  }
  print_text(store, runs, params, writer);
  print_warnings(runs);
  if (runs.size() < all) fmt::print("{} of {} runs shown, unfinished ones first; --all shows every run\n", runs.size(), all);
  std::vector<std::string> words;
  for (const auto& [state, count] : counts) words.push_back(fmt::format("{} {}", count, state));
  fmt::print("{}\n", fmt::join(words, ", "));
  return 0;
}

}  // namespace clb::cli
