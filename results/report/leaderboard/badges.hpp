// What stands beside a row's name, in one word each, with the reason.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <clb/report/leaderboard.hpp>
#include "../model.hpp"

namespace clb::report {

struct Badge {
  std::string text, kind, why;  // kind: good | bad | warn | plain
};

// published: comparisons that runs of this row count for.
std::vector<Badge> badges_of(const TableRow& row, const std::vector<const Comparison*>& published, const LeaderboardOptions& options);

// exp of the entropy of the shares in which prompts were chosen: 1 when it is always the same one, their number when all are used alike.
std::optional<double> perplexity(const std::vector<double>& usage);

// usage["PART/LAYER"][task] = how often each one of the part was chosen, from the scalars "usage/PART/LAYER" (clb/metrics.h).
std::map<std::string, std::map<int64_t, std::vector<double>>> part_usage(const std::vector<base::Metric>& scalars);

}  // namespace clb::report
