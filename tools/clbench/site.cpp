#include "site.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <clb/base/paths.hpp>
#include <clb/reference/about.hpp>
#include <cstdio>

#include "build_id.hpp"

namespace clb::cli {
namespace {

void show_progress(const std::string& what, size_t done, size_t total) {
  if (isatty(STDERR_FILENO) != 1 || (done % 100 != 0 && done != total)) return;
  fmt::print(stderr, "\r{}: {} of {}{}", what, done, total, done == total ? "\n" : "");
}

}  // namespace

report::LeaderboardOptions site_options(Published& published, const Options& options) {
  report::LeaderboardOptions site;
  site.out = options.text("out");
  site.force = options.flag("force");
  site.inputs = database_files(options.text("db"));
  for (const std::string& file : options.texts("validation")) site.inputs.emplace_back(file);
  site.templates = base::share() / "leaderboard";
  site.version = std::string(kVersion) + " (commit " + kCommit + ")";
  site.about = reference::read_abouts(base::share() / "methods");
  site.weight_names = published.aliases().weights;
  site.overlap = [&](const std::string& weights, const std::string& data) { return published.aliases().overlap_of(weights, data); };
  site.is_published = [&](const base::Json& spec) { return !published.of(spec).empty(); };
  site.compare = [&](const std::vector<report::MeasuredRun>& runs) { return published.compare(runs, ""); };
  site.claims = claims_of_the_literature();
  site.progress = show_progress;
  return site;
}

}  // namespace clb::cli
