// What the site is told: published numbers, labels that overlap, claims, progress.
#pragma once

#include <clb/report/leaderboard.hpp>
#include <filesystem>

#include "reference.hpp"

namespace clb::cli {

// `published` outlives the site.
report::LeaderboardOptions site_options(Published& published, const std::filesystem::path& out);

}  // namespace clb::cli
