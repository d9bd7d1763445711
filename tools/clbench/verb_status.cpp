// clbench status: the runs of a database and how they ended.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <clb/base/file.hpp>
#include <clb/launch/human.hpp>
#include <clb/store/store.hpp>
#include <filesystem>
#include <map>

#include "columns.hpp"
#include "labels.hpp"
#include "options.hpp"

namespace clb::cli {

namespace fs = std::filesystem;
using base::Json;

namespace {

constexpr VerbText kText{"status", "", "the runs of a database and how they ended", "clbench status --db results.sqlite"};

// An attempt is "running" as long as its launcher holds the database's lock; a launcher that was killed could not write anything else.
bool writer_lives(const fs::path& database) {
  const long pid = base::FileLock::holder(database.string() + ".lock");
  return pid > 0 && (kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM);
}

std::string state_of(const store::RunRow& run, bool writer) {
  if (run.attempt_id == 0) return "planned";
  return run.status.status == "running" && !writer ? "lost" : run.status.status;
}

std::string reason_of(const store::RunRow& run, const std::string& state) {
  return state == "lost" && run.status.reason.empty() ? "its launcher was killed" : run.status.reason;
}

std::string text_at(const Json& spec, const char* pointer) {
  const Json::json_pointer at(pointer);
  return spec.contains(at) && spec.at(at).is_string() ? spec.at(at).get<std::string>() : "";
}

Json params_of(const store::RunRow& run) {
  const Json::json_pointer at("/method/params");
  return run.spec.contains(at) ? run.spec.at(at) : Json::object();
}

Json run_json(const store::RunRow& run, const std::string& state) {
  return {{"key", run.key},
          {"experiment", run.experiment},
          {"attempt", run.uuid},
          {"attempts", run.attempts},
          {"method", text_at(run.spec, "/method/id")},
          {"preset", text_at(run.spec, "/method/preset")},
          {"params", params_of(run)},
          {"dataset", text_at(run.spec, "/dataset/id")},
          {"seed", run.seed},
          {"order_seed", run.order_seed},
          {"status", state},
          {"reason", reason_of(run, state)},
          {"log_tail", run.status.log_tail},
          {"at", run.status.at},
          {"tasks_done", run.tasks_done},
          {"tasks_planned", run.tasks_planned},
          {"wall_s", run.wall_s}};
}

}  // namespace

int verb_status(const Arguments& arguments) {
  Options options(kText);
  options.add_database();
  options.add()("experiment", po::value<std::string>()->value_name("NAME"), "only the runs of this experiment");
  options.add_json();
  if (!options.parse(arguments, 0, 0)) return 0;
  const fs::path database = options.text("db");
  const store::Store store = store::Store::open(database, store::Store::Mode::kRead);
  const bool writer = writer_lives(database);

  std::vector<store::RunRow> runs = store.runs();
  if (options.flag("experiment")) {
    const std::string wanted = options.text("experiment");
    std::erase_if(runs, [&](const store::RunRow& run) {
      return std::find(run.experiments.begin(), run.experiments.end(), wanted) == run.experiments.end();
    });
  }
  std::vector<std::pair<std::string, Json>> methods;
  for (const store::RunRow& run : runs) methods.emplace_back(text_at(run.spec, "/method/id"), params_of(run));
  const std::vector<std::string> params = differing_params(methods);

  Json rows = Json::array();
  Columns columns({"run", "experiment", "method", "params", "dataset", "order", "seed", "state", "tasks", "time", "reason"});
  std::map<std::string, size_t> states;
  for (size_t i = 0; i < runs.size(); ++i) {
    const store::RunRow& run = runs[i];
    const std::string state = state_of(run, writer), preset = text_at(run.spec, "/method/preset");
    ++states[state];
    rows.push_back(run_json(run, state));
    columns.add({run.key.substr(0, 12), run.experiment, methods[i].first + (preset.empty() ? "" : "/" + preset), params[i],
                 text_at(run.spec, "/dataset/id"), std::to_string(run.order_seed), std::to_string(run.seed), state,
                 fmt::format("{}/{}", run.tasks_done, run.tasks_planned), launch::human_seconds(run.wall_s), reason_of(run, state)});
  }
  if (options.flag("json")) {
    fmt::print("{}\n", rows.dump(2, ' ', false, Json::error_handler_t::replace));
    return 0;
  }
  if (columns.empty()) {
    fmt::print("{}: no runs\n", database.string());
    return 0;
  }
  std::vector<std::string> counts;
  for (const auto& [state, count] : states) counts.push_back(fmt::format("{} {}", count, state));
  fmt::print("{}\n{}\n", columns.text(), fmt::join(counts, ", "));
  return 0;
}

}  // namespace clb::cli
