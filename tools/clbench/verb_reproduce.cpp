// clbench reproduce: one published setting, from what it needs to a verdict.
#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/launch/human.hpp>
#include <clb/launch/stop.hpp>
#include <cstdio>
#include <set>

#include "catalogue.hpp"
#include "database.hpp"
#include "execute.hpp"
#include "experiment.hpp"
#include "installation.hpp"
#include "progress_line.hpp"
#include "reference.hpp"
#include "say.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

constexpr VerbText kReproduce{
    "reproduce", "METHOD/PRESET|EXPERIMENT.toml",
    "run a published setting and judge it against what was published: 0 within tolerance, 1 outside, 4 cannot tell",
    "clbench reproduce simplecil/cifar100 --set dataset.root=/data/cifar-100-binary"};

uint64_t free_bytes(fs::path place) {
  std::error_code error;
  for (place = fs::absolute(place); !fs::exists(place, error) && place.has_parent_path() && place != place.parent_path();)
    place = place.parent_path();
  const fs::space_info space = fs::space(place, error);
  return error ? 0 : space.available;
}

// Standard error: what is missing, the room there is, the runs and their time.
void say_what_it_needs(const plan::Plan& plan, const fs::path& database, const std::optional<fs::path>& cache) {
  for (const std::string& missing : plan.missing) say(stderr, "missing: {}\n", missing);
  int64_t images = 0;
  for (const base::RunSpec& run : plan.runs) images = std::max(images, run.execution.store_limit);
  say(stderr, "disk: {} free for {}", launch::human_bytes(free_bytes(database)), database.string());
  if (cache)
    say(stderr, ", {} for the cache {} (decoded images take at most {} there)", launch::human_bytes(free_bytes(*cache)), cache->string(),
        launch::human_bytes(static_cast<uint64_t>(images)));
  fmt::print(stderr, "\n");
}

void say_what_was_reported(const std::vector<reference::Entry>& entries) {
  if (entries.empty()) fmt::print(stderr, "reported: no number under this key; the result will stand unverified\n");
  for (const reference::Entry& e : entries)
    say(stderr, "reported: {} {:.2f} ± {:g} ({}, {} {})\n", e.metric, e.value, e.tolerance, e.citation, e.runs,
        e.runs == 1 ? "run" : "runs");
}

void print_json(const plan::Plan& plan, const Selection& selection, const std::vector<reference::Entry>& entries) {
  base::Json json{{"missing", plan.missing}, {"pending", base::Json::array()}, {"reported", base::Json::array()}};
  for (const size_t index : selection.pending) json["pending"].push_back(selection.runs[index].key());
  for (const reference::Entry& e : entries)
    json["reported"].push_back({{"metric", e.metric}, {"value", e.value}, {"tolerance", e.tolerance}, {"citation", e.citation}});
  fmt::print("{}\n", base::pretty(json));
}

bool is_good(const std::string& verdict) { return verdict == "within tolerance" || verdict == "matches reference implementation"; }

// A run that a second look denies reproduces nothing, whatever its accuracy is.
bool say_what_is_denied(const store::Store& store, const std::set<std::string>& keys) {
  bool any = false;
  for (const store::RunRow& run : store.light_runs()) {
    if (!keys.contains(run.key) || run.status.status != "ok" || !run.marked()) continue;
    say(stderr, "seed {}, order seed {} reproduces nothing: {}\n", run.seed, run.order_seed, run.look->reason);
    any = true;
  }
  return any;
}

// Verdicts of the numbers that these runs were made for.
int judge(Published& published, const Options& options, const store::Store& store, const plan::Plan& plan) {
  std::set<std::string> keys;
  for (const base::RunSpec& run : plan.runs) keys.insert(run.key());
  std::vector<report::MeasuredRun> runs = report::measured_runs(store);
  std::erase_if(runs, [&](const report::MeasuredRun& run) { return !keys.contains(run.key); });
  std::vector<report::AgainstReference> comparisons = published.compare(runs, plan.runs.front().method.id);
  std::erase_if(comparisons, [](const report::AgainstReference& c) { return c.runs.empty(); });
  const bool json = options.flag("json"), denied = say_what_is_denied(store, keys);
  if (json || !comparisons.empty())
    fmt::print("{}", report::render_comparison(comparisons, json ? report::Format::kJson : report::Format::kText));
  if (denied) return static_cast<int>(base::Exit::kFailedRun);
  if (comparisons.empty()) return static_cast<int>(base::Exit::kCannotTell);
  const auto told = [](const report::AgainstReference& c) { return !c.verdict.starts_with("too few"); };
  if (std::ranges::any_of(comparisons, [&](const auto& c) { return told(c) && !is_good(c.verdict); }))
    return static_cast<int>(base::Exit::kFailedRun);
  return std::ranges::all_of(comparisons, told) ? 0 : static_cast<int>(base::Exit::kCannotTell);
}

}  // namespace

int verb_reproduce(const Arguments& arguments) {
  Options options(kReproduce);
  options.add_overrides();
  options.add()("dry-run", "say what is missing, what it takes and what was reported, and start nothing");
  add_execution(options);
  if (!options.parse(arguments, 1, 1)) return 0;
  const launch::HeldSignals held;
  const launch::ScheduleOptions schedule = schedule_options(options);
  const fs::path database = options.text("db");
  const auto plugins = installed_plugins(options);
  const auto cache = cache_folder(options);
  launch::Describer describer(schedule.runner, cache, reading_progress());
  InstalledCatalogue catalogue(plugins, describer);
  if (!options.flag("dry-run")) check_place(database);
  const plan::Plan plan = plan_experiment(options.words()[0], options, catalogue, {.missing_ok = true});

  Published published(options);
  say_what_it_needs(plan, database, cache);
  std::vector<reference::Entry> entries;
  if (plan.missing.empty() && !plan.runs.empty()) entries = published.of(plan.runs.front().to_json());
  if (plan.missing.empty()) say_what_was_reported(entries);
  const bool dry = options.flag("dry-run");
  std::optional<store::Store> store;
  if ((!dry && plan.missing.empty()) || fs::exists(database))
    store.emplace(dry || !plan.missing.empty() ? store::Store::open(database, store::Store::Mode::kRead) : open_for_writing(database));
  const Selection selection = select(plan.runs, {}, store ? &*store : nullptr, runs_folder(database), describer);
  if (dry && options.flag("json")) {
    print_json(plan, selection, entries);
    return 0;
  }
  if (dry) {
    print_pending(selection, {}, store ? &*store : nullptr, schedule);
    return 0;
  }
  if (!plan.missing.empty())
    throw base::Error(fmt::format("reproduce: {} of the things it needs are missing, see above; nothing was started", plan.missing.size()));

  store->mark_lost_attempts();
  const int code = execute(selection, schedule, options, *store, describer, !options.flag("json"));
  return code != 0 ? code : judge(published, options, *store, plan);
}

}  // namespace clb::cli
