// clbench resume: the runs of a database that are not finished, each after its newest checkpoint.
#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/launch/plugins.hpp>
#include <filesystem>

#include "execute.hpp"
#include "installation.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

constexpr VerbText kText{"resume", "", "go on with the unfinished runs of a database, each after its newest checkpoint",
                         "clbench resume --db results.sqlite"};

// A run as it was planned. Plugins are looked for again, because the installation may have moved.
base::RunSpec spec_of(const store::Store& store, const store::RunRow& row, const std::vector<launch::PluginFile>& plugins,
                      const fs::path& database) {
  base::Json json = store.spec(row.run_id);
  json["execution"] = base::RunSpec().to_json().at("execution");
  base::RunSpec spec = base::RunSpec::from_json(json, database.string() + ": run " + row.key.substr(0, 12));
  spec.method.file = launch::plugin(plugins, "method", spec.method.id).file;
  spec.dataset.file = launch::plugin(plugins, "dataset", spec.dataset.id).file;
  return spec;
}

}  // namespace

int verb_resume(const Arguments& arguments) {
  Options options(kText);
  add_execution(options);
  if (!options.parse(arguments, 0, 0)) return 0;
  const launch::ScheduleOptions schedule = schedule_options(options);
  const fs::path database = options.text("db");
  if (!fs::exists(database)) throw base::Error(fmt::format("{}: there is no such database; --db names another", database.string()));
  auto store = store::Store::open(database, store::Store::Mode::kWrite);
  store.mark_lost_attempts();

  const auto plugins = installed_plugins(options);
  std::vector<base::RunSpec> unfinished;
  for (const store::RunRow& row : store.light_runs())
    if (row.status.status != "ok") unfinished.push_back(spec_of(store, row, plugins, database));
  if (unfinished.empty()) {
    fmt::print(stderr, "all runs of {} are finished\n", database.string());
    return 0;
  }
  launch::Describer describer(schedule.runner, cache_folder(options));
  const Selection selection = select(unfinished, {}, &store, runs_folder(database), describer);
  fmt::print(stderr, "{} runs to go on with, {} of them after a checkpoint\n", selection.pending.size(), selection.resumed.size());
  return execute(selection, schedule, options, store, describer);
}

}  // namespace clb::cli
