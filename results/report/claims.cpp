// Whether what a paper concludes holds in a table, on the same weights: group mean against group mean, paired on seeds and class orders. A
// claim about the number of tasks takes what a metric changed from the table of the one number to that of the other.
#include <algorithm>
#include <cmath>

#include "model.hpp"

namespace clb::report {
namespace {

using RunId = std::pair<int64_t, int64_t>;            // seed, order seed
using Values = std::map<RunId, std::vector<double>>;  // of one method: one for each of its rows
using ByMethod = std::map<std::string, Values>;

bool has_params(const TableRow& row, const reference::Group& group) {
  return std::ranges::all_of(group.params, [&](const auto& wanted) {
    const auto found = row.params.find(wanted.first);
    return found != row.params.end() && parameter_text(*found) == wanted.second;
  });
}

// Only ranked rows: what may use more than the others is no evidence for its group.
ByMethod values_of(const reference::Group& group, const Table& table, const std::string& weights, size_t column) {
  ByMethod methods;
  for (const Section& section : table.sections) {
    if (!section.title.empty() || section.weights != weights) continue;
    for (const TableRow& row : section.rows) {
      if (std::ranges::find(group.methods, row.method) == group.methods.end() || !has_params(row, group)) continue;
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

// Of each unit that all methods of both groups have: a class order where they share several, else a seed.
struct Paired {
  std::vector<double> differences;
  bool of_orders = false;
};

Paired paired_differences(const ByMethod& first, const ByMethod& second) {
  std::vector<stats::DrawnRun> drawn;
  std::vector<double> differences;
  std::map<std::pair<double, double>, int64_t> results;
  for (const auto& [id, unused] : first.begin()->second) {
    const auto a = group_mean(first, id), b = group_mean(second, id);
    if (!a || !b) continue;
    drawn.push_back({id.first, id.second, results.try_emplace({*a, *b}, static_cast<int64_t>(results.size())).first->second});
    differences.push_back(*a - *b);
  }
  const stats::Units units = stats::units_of(drawn);
  return {stats::unit_means(units, differences), units.of_orders()};
}

std::string names(const ByMethod& methods) {
  std::string text;
  for (const auto& [name, unused] : methods) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string names(const ByMethod& methods, const reference::Group& group) {  // "vq_prompt (classifier=aligned)"
  std::string params;
  for (const auto& [name, value] : group.params) params += (params.empty() ? "" : ", ") + name + "=" + value;
  return names(methods) + (params.empty() ? "" : " (" + params + ")");
}

std::string counted(const ByMethod& methods, const reference::Group& group) {
  return std::to_string(methods.size()) + " " + group.name + (methods.size() == 1 ? " method" : " methods") + " (" + names(methods) + ")";
}

std::string points(double fraction) { return (fraction < 0 ? "" : "+") + fixed(100 * fraction, 2); }

std::string change_text(const reference::Claim& claim) {
  return claim.tasks.empty() ? ""
                             : " in its change from " + std::to_string(claim.tasks[0]) + " to " + std::to_string(claim.tasks[1]) + " tasks";
}

// How the values of each method change, run by run, from one table to another.
ByMethod changes(const ByMethod& from, const ByMethod& to) {
  ByMethod methods;
  for (const auto& [method, values] : to) {
    const auto before = from.find(method);
    if (before == from.end()) continue;
    for (const auto& [id, after] : values)
      if (const auto found = before->second.find(id); found != before->second.end())
        methods[method][id] = {stats::mean(after) - stats::mean(found->second)};
  }
  return methods;
}

const TableRow* first_ranked(const Table& table) {
  for (const Section& section : table.sections)
    if (section.title.empty())
      for (const TableRow& row : section.rows)
        if (!row.runs.empty()) return &row;
  return nullptr;
}

// Data and protocol without what makes tasks of them, and without what differs between the class orders of a row.
base::Json all_but_tasks(const TableRow& row) {
  base::Json data = row.spec.value("dataset", base::Json::object()), protocol = row.spec.value("protocol", base::Json::object());
  for (const char* key : {"root", "file"}) data.erase(key);
  for (const char* key : {"split", "task_sizes", "order_seed", "class_order", "joint"}) protocol.erase(key);
  return {{"dataset", std::move(data)}, {"protocol", std::move(protocol)}};
}

// Where `table` has the second number of the claim's tasks: the table that has the first one and differs from it in nothing else.
const Table* with_fewer_tasks(const reference::Claim& claim, const Report& report, const Table& table) {
  const TableRow* row = first_ranked(table);
  if (row == nullptr || row->runs.front().run.tasks_planned != claim.tasks[1]) return nullptr;
  const auto found = std::ranges::find_if(report.tables, [&](const Table& other) {
    const TableRow* one = first_ranked(other);
    return one != nullptr && one->runs.front().run.tasks_planned == claim.tasks[0] && all_but_tasks(*one) == all_but_tasks(*row);
  });
  return found == report.tables.end() ? nullptr : &*found;
}

Finding judge(const reference::Claim& claim, const ByMethod& first, const ByMethod& second) {
  Finding finding{.claim = claim.name, .citation = claim.citation, .verdict = "cannot tell", .why = {}, .difference = {}};
  const auto least = static_cast<size_t>(claim.least);
  if (first.size() < least || second.size() < least) {
    const bool of_first = first.size() < least;
    finding.why = "only " + (of_first ? counted(first, claim.first) : counted(second, claim.second)) + " ranked here, " +
                  std::to_string(claim.least) + " are needed";
    return finding;
  }
  const auto [differences, of_orders] = paired_differences(first, second);
  const std::string paired = std::to_string(differences.size()) + (of_orders ? " class orders" : " seeds");
  finding.pairs = differences.size();
  if (differences.size() < kEnoughPairs) {
    finding.why = paired + " with different results that all of these methods have, three are needed";
    return finding;
  }
  const stats::Interval interval = stats::t_interval(differences, stats::kLevel);
  finding.verdict = interval.low > 0 ? "holds" : interval.high < 0 ? "does not hold" : "cannot tell";
  finding.difference = stats::mean(differences);
  finding.why = points(*finding.difference) + " points [" + points(interval.low) + ", " + points(interval.high) + "] of " + claim.metric +
                change_text(claim) + ", mean of " + names(first, claim.first) + " against mean of " + names(second, claim.second) +
                ", 95 % interval over " + paired;
  return finding;
}

}  // namespace

std::string sentence(const Finding& finding) {
  return "\"" + finding.claim + "\" (" + finding.citation + (finding.weights.empty() ? "" : ", " + finding.weights) +
         "): " + (finding.verdict == "cannot tell" ? "cannot tell whether it holds here" : finding.verdict + " here") + ": " + finding.why;
}

void judge(const std::vector<reference::Claim>& claims, Report& report) {
  for (const reference::Claim& claim : claims) {
    const auto column = std::ranges::find_if(report.columns, [&](const Column& c) { return !c.task && claim.metric == c.metric->id; });
    if (column == report.columns.end()) continue;
    const auto index = static_cast<size_t>(column - report.columns.begin());
    for (Table& table : report.tables) {
      const Table* before = claim.tasks.empty() ? nullptr : with_fewer_tasks(claim, report, table);
      if (!claim.tasks.empty() && before == nullptr) continue;
      const std::vector<std::string> groups = weights_of(table);
      for (const std::string& weights : groups) {
        const auto values = [&](const reference::Group& group) {
          const ByMethod here = values_of(group, table, weights, index);
          return before ? changes(values_of(group, *before, weights, index), here) : here;
        };
        const ByMethod first = values(claim.first), second = values(claim.second);
        if (first.empty() || second.empty()) continue;
        table.findings.push_back(judge(claim, first, second));
        if (groups.size() > 1) table.findings.back().weights = weights;
      }
    }
  }
}

}  // namespace clb::report
