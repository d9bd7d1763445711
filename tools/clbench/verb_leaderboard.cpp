// clbench leaderboard: the database as a static site.
#include <fmt/format.h>

#include <clb/audit/audit.hpp>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/report/leaderboard.hpp>
#include <filesystem>

#include "progress_line.hpp"
#include "reference.hpp"
#include "say.hpp"
#include "site.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

constexpr VerbText kLeaderboard{"leaderboard", "", "results as a static site: open OUT/index.html, no network needed",
                                "clbench leaderboard --db board.sqlite --out site --audit --submitted theirs.sqlite"};

report::Validation validation_of(const fs::path& file) {
  return report::Validation::from_json(base::parse_json(base::read_file(file, uint64_t{16} << 20), file.string()), file.string());
}

// By run key: "" where every stored count was recounted and is the same, else why not.
std::map<std::string, std::string> recounted(const fs::path& database) {
  const audit::Report report =
      audit::audit(database, {.run_key = {}, .facts = {}, .progress = progress_line(database.string(), "runs recounted")});
  std::map<std::string, std::string> found;
  for (const audit::RunAudit& run : report.runs) {
    std::string& why = found[run.key];
    for (const auto* reasons : {&report.differences, &run.differences, &run.unchecked})
      if (why.empty() && !reasons->empty()) why = reasons->front();
  }
  return found;
}

// Attempts of results files that came from elsewhere.
std::set<std::string> attempts_of(const std::vector<std::string>& files) {
  std::set<std::string> uuids;
  for (const std::string& file : files)
    for (const store::RunRow& attempt : store::Store::open(file, store::Store::Mode::kRead).attempts()) uuids.insert(attempt.uuid);
  return uuids;
}

}  // namespace

int verb_leaderboard(const Arguments& arguments) {
  Options options(kLeaderboard);
  options.add()("out", po::value<std::string>()->value_name("DIR")->default_value("leaderboard"), "folder of the site");
  options.add()("title", po::value<std::string>()->value_name("TEXT")->default_value("clbench leaderboard"), "title of the site");
  options.add()("experiment", po::value<std::string>()->value_name("NAME"), "only the runs of this experiment");
  options.add()("index-only", "no pages of methods and runs");
  options.add_force();
  options.add()("validation", po::value<std::vector<std::string>>()->value_name("FILE"),
                "what `clbench validate PLUGIN.so --json` printed; rows of that plugin and its parameters get badges (repeatable)");
  options.add()("audit", "recount every run first; rows say how many of their runs were confirmed");
  options.add()("submitted", po::value<std::vector<std::string>>()->value_name("FILE"),
                "a results file of somebody else that was merged into the database; its rows say so (repeatable)");
  options.add_database();
  options.add_installation();
  options.add_cache();
  options.add_json();
  if (!options.parse(arguments, 0, 0)) return 0;

  const fs::path out = options.text("out");
  Published published(options);
  report::LeaderboardOptions site = site_options(published, options);
  site.title = options.text("title");
  site.experiment = options.text("experiment");
  site.all_pages = !options.flag("index-only");
  report::require_site(site);
  for (const std::string& file : options.texts("validation")) site.validations.push_back(validation_of(file));
  site.submitted = attempts_of(options.texts("submitted"));
  if (options.flag("audit")) site.recounted = recounted(options.text("db"));
  const size_t pages = report::write_leaderboard(store::Store::open(options.text("db"), store::Store::Mode::kRead), site);
  const std::string index = fs::absolute(out / "index.html").lexically_normal();
  if (options.flag("json")) {
    fmt::print("{}\n", base::pretty(base::Json{{"pages", pages}, {"index", index}}));
  } else {
    say("{} pages; open {}\n", pages, index);
  }
  return 0;
}

}  // namespace clb::cli
