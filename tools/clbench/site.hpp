// What `clbench leaderboard` and `clbench demo` tell the site: published numbers, labels that overlap, progress.
#pragma once

#include <clb/report/leaderboard.hpp>
#include <filesystem>

#include "reference.hpp"

namespace clb::cli {

// `published` outlives the site.
report::LeaderboardOptions site_options(Published& published, const Options& options);  // --out, --db, --force, --validation

}  // namespace clb::cli
