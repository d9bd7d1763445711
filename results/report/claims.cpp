// Whether what a paper concludes holds in a table, on the same weights: group mean against group mean, paired on seeds and class orders.
#include <algorithm>
#include <cmath>

#include "model.hpp"

namespace clb::report {
namespace {

using RunId = std::pair<int64_t, int64_t>;            // seed, order seed
using Values = std::map<RunId, std::vector<double>>;  // of one method: one for each of its rows
using ByMethod = std::map<std::string, Values>;

// Only ranked rows: what may use more than the others is no evidence for its group.
ByMethod values_of(const reference::Group& group, const Table& table, const std::string& weights, size_t column) {
  ByMethod methods;
  for (const Section& section : table.sections) {
    if (!section.title.empty() || section.weights != weights) continue;
    for (const TableRow& row : section.rows) {
      if (std::ranges::find(group.methods, row.method) == group.methods.end()) continue;
      for (const RunResult& result : row.runs)
        if (result.ok() && result.values[column].value)
          methods[row.method][{result.run.seed, result.run.order_seed}].push_back(*result.values[column].value);
    }
  }
  return methods;
}

// The mean over methods, each of which counts once; nullopt where one of them has no such run.
std::optional<double> group_mean(const ByMethod& methods, const RunId& id) {
  std::vector<double> means;
  for (const auto& [unused, values] : methods) {
    const auto found = values.find(id);
    if (found == values.end()) return std::nullopt;
    means.push_back(stats::mean(found->second));
  }
  return stats::mean(means);
}

std::vector<double> paired_differences(const ByMethod& first, const ByMethod& second) {
  std::vector<double> differences;
  for (const auto& [id, unused] : first.begin()->second) {
    const auto a = group_mean(first, id), b = group_mean(second, id);
    if (a && b) differences.push_back(*a - *b);
  }
  return differences;
}

std::string names(const ByMethod& methods) {
  std::string text;
  for (const auto& [name, unused] : methods) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string counted(const ByMethod& methods, const reference::Group& group) {
  return std::to_string(methods.size()) + " " + group.name + (methods.size() == 1 ? " method" : " methods") + " (" + names(methods) + ")";
}

std::string points(double fraction) { return (fraction < 0 ? "" : "+") + fixed(100 * fraction, 2); }

Finding judge(const reference::Claim& claim, const ByMethod& first, const ByMethod& second) {
  Finding finding{.claim = claim.name, .citation = claim.citation, .verdict = "cannot tell", .why = {}, .difference = {}};
  const auto least = static_cast<size_t>(claim.least);
  if (first.size() < least || second.size() < least) {
    const bool of_first = first.size() < least;
    finding.why = "only " + (of_first ? counted(first, claim.first) : counted(second, claim.second)) + " ranked here, " +
                  std::to_string(claim.least) + " are needed";
    return finding;
  }
  const std::vector<double> differences = paired_differences(first, second);
  finding.pairs = differences.size();
  if (differences.size() < kEnoughPairs) {
    finding.why = std::to_string(differences.size()) + " seeds that all of these methods have, three are needed";
    return finding;
  }
  const stats::Interval interval = stats::t_interval(differences, stats::kLevel);
  finding.verdict = interval.low > 0 ? "holds" : interval.high < 0 ? "does not hold" : "cannot tell";
  finding.difference = stats::mean(differences);
  finding.why = points(*finding.difference) + " points [" + points(interval.low) + ", " + points(interval.high) + "] of " + claim.metric +
                ", mean of " + names(first) + " against mean of " + names(second) + ", 95 % interval over " +
                std::to_string(differences.size()) + " paired seeds";
  return finding;
}

}  // namespace

std::string sentence(const Finding& finding) {
  return "\"" + finding.claim + "\" (" + finding.citation + (finding.weights.empty() ? "" : ", " + finding.weights) +
         "): " + (finding.verdict == "cannot tell" ? "cannot tell whether it holds here" : finding.verdict + " here") + ": " + finding.why;
}

std::vector<Finding> judge(const std::vector<reference::Claim>& claims, const Table& table, const std::vector<Column>& columns) {
  std::vector<Finding> findings;
  const std::vector<std::string> groups = weights_of(table);
  for (const reference::Claim& claim : claims) {
    const auto column = std::ranges::find_if(columns, [&](const Column& c) { return !c.task && claim.metric == c.metric->id; });
    if (column == columns.end()) continue;
    const auto index = static_cast<size_t>(column - columns.begin());
    for (const std::string& weights : groups) {
      const ByMethod first = values_of(claim.first, table, weights, index), second = values_of(claim.second, table, weights, index);
      if (first.empty() || second.empty()) continue;
      findings.push_back(judge(claim, first, second));
      if (groups.size() > 1) findings.back().weights = weights;
    }
  }
  return findings;
}

}  // namespace clb::report
