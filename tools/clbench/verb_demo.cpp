// clbench demo: a shipped experiment on data and weights that are at hand, its table, what it shows, its page.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

#include <clb/base/file.hpp>
#include <clb/base/paths.hpp>
#include <clb/launch/stop.hpp>

#include "catalogue.hpp"
#include "data_actions.hpp"
#include "database.hpp"
#include "execute.hpp"
#include "experiment.hpp"
#include "installation.hpp"
#include "progress_line.hpp"
#include "say.hpp"
#include "site.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

constexpr VerbText kDemo{"demo", "",
                         "a few methods on Fashion-MNIST with the embedded network, three class orders x three seeds: minutes on two "
                         "cores, then a table and a page",
                         "clbench demo"};

// Where Debian's package of the images is not installed, their publisher has them; once. Not when other data were named.
void fetch_images(const Options& options) {
  const std::vector<std::string> changes = options.texts("set");
  if (std::ranges::any_of(changes, [](const std::string& change) { return change.starts_with("dataset"); })) return;
  const NamedFiles images = named("fashion_mnist", options);
  if (images.place || images.folder.empty()) return;
  say(stderr, "{} ({}) is not here and is fetched into {}\n", images.title, images.licence, images.folder.string());
  fetch_files(images, images.files);
}

// As short as it can be typed here.
std::string typed(const fs::path& path) {
  const fs::path near = fs::proximate(path);
  return quoted((near.empty() || *near.begin() == ".." ? path : near).string());
}

void write_site(const Options& options, const store::Store& store) {
  Published published(options);
  report::LeaderboardOptions site = site_options(published, options);
  site.title = "clbench demo";
  report::write_leaderboard(store, site);
}

// The runs are short and each has one thread, so that one is on each core.
launch::ScheduleOptions demo_schedule(const Options& options) {
  launch::ScheduleOptions schedule = schedule_options(options);
  if (options.flag("jobs") || options.flag("devices")) return schedule;
  schedule.jobs = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 8);
  if (!options.flag("max-memory")) schedule.limits.memory_bytes /= schedule.jobs;
  return schedule;
}

void say_what_it_shows(const plan::Plan& plan, const store::Store& store) {
  report::TableOptions shown;
  std::set<int64_t> seeds, orders;
  for (const base::RunSpec& run : plan.runs) {
    shown.run_keys.push_back(run.key());
    seeds.insert(run.seed);
    orders.insert(run.protocol.order_seed);
  }
  fmt::print("\n{} x {}: {}\n\n", counted(orders.size(), "class order"), counted(seeds.size(), "seed"), report::headline(store, shown));
}

void say_what_next(const fs::path& database, const fs::path& experiment) {
  fmt::print(
      "to go on:\n"
      "  {0} compare ranpac slca --db {1}    # paired over the seeds\n"
      "  {0} table --db {1} --columns tasks    # accuracy after each task\n"
      "  {0} run {2} --db {1} --set 'run.seed=[3,4]'    # two more seeds\n",
      typed(invoked()), typed(database), typed(experiment));
}

}  // namespace

int verb_demo(const Arguments& arguments) {
  Options options(kDemo);
  options.add()("print", "print the experiment file and start nothing");
  options.add()("out", po::value<std::string>()->value_name("DIR")->default_value("clbench-demo"), "folder of the page");
  options.add_force();
  options.add_overrides();
  add_execution(options, "clbench-demo.sqlite");
  if (!options.parse(arguments, 0, 0)) return 0;
  const fs::path experiment = base::share() / "experiments" / "demo.toml";
  if (options.flag("print")) {
    fmt::print("{}", base::read_file(experiment));
    return 0;
  }

  if (!options.flag("json")) {  // before minutes of work, not after
    Published published(options);
    report::require_site(site_options(published, options));
  }
  fetch_images(options);
  const launch::HeldSignals held;
  const launch::ScheduleOptions schedule = demo_schedule(options);
  const fs::path database = options.text("db"), out = options.text("out");
  const auto plugins = installed_plugins(options);
  launch::Describer describer(schedule.runner, cache_folder(options), reading_progress());
  InstalledCatalogue catalogue(plugins, describer);
  const plan::Plan plan = plan_experiment(experiment.string(), options, catalogue);
  store::Store store = open_for_writing(database);
  store.mark_lost_attempts();
  const Selection selection = select(plan.runs, {}, &store, runs_folder(database), describer);
  const int code = execute(selection, schedule, options, store, describer);
  if (code != 0 || options.flag("json")) return code;

  write_site(options, store);
  say("page:    {}\n", (out / "index.html").string());
  say_what_it_shows(plan, store);
  say_what_next(database, experiment);
  return 0;
}

}  // namespace clb::cli
