// Times and notes of a row, and the order of rows.
#include <algorithm>
#include <set>

#include "model.hpp"

namespace clb::report {
namespace {

Cell time_cell(const TableRow& row) {
  std::vector<double> seconds;
  for (const RunResult& run : row.runs) {
    if (run.ok() && run.cold_seconds) seconds.push_back(*run.cold_seconds);
  }
  if (seconds.empty()) return {std::nullopt, "no run has a time that includes its cached features", "s"};
  Cell cell{stats::summarise(seconds), {}, "s"};
  const bool cached = std::ranges::all_of(
      row.runs, [](const RunResult& run) { return !run.ok() || !run.cold_seconds || run.cached_seconds > *run.cold_seconds / 2; });
  if (cached) *cell.summary = {cell.summary->n, cell.summary->mean, cell.summary->mean, cell.summary->mean, "once"};
  return cell;
}

// More than one value of `member` among the runs that are counted: the row mixes things that a reader would want to know of.
template <class Member>
size_t kinds(const TableRow& row, Member member) {
  std::set<std::string> values;
  for (const RunResult& run : row.runs) {
    if (run.ok()) values.insert(member(run.run));
  }
  return values.size();
}

void note_mixtures(TableRow& row) {
  const size_t plugins = kinds(row, [](const store::RunRow& r) { return r.plugin_hash; });
  const size_t runners = kinds(row, [](const store::RunRow& r) { return r.runner_hash; });
  const size_t machines =
      kinds(row, [](const store::RunRow& r) { return r.machine.cpu + "|" + std::to_string(r.machine.cores) + "|" + r.machine.gpu; });
  if (plugins > 1) row.notes.push_back("runs of " + std::to_string(plugins) + " builds of the plugin");
  if (runners > 1) row.notes.push_back("runs of " + std::to_string(runners) + " builds of clb-runner");
  if (machines > 1) row.notes.push_back("runs on " + std::to_string(machines) + " kinds of machine, their times are not comparable");
}

// "acc.mean.sample, forget.max_prev: a joint run has one stage": metrics with one reason share a note.
void note_dashes(TableRow& row, const std::vector<Column>& columns) {
  if (std::none_of(row.runs.begin(), row.runs.end(), [](const RunResult& run) { return run.ok(); })) return;
  std::vector<std::pair<std::string, std::string>> reasons;  // reason and its metrics, in the order of the columns
  for (size_t i = 0; i < columns.size(); ++i) {
    const Cell& cell = row.cells[i];
    if (cell.dash.empty()) continue;
    const std::string name = columns[i].name + (cell.summary ? " of some runs" : "");
    auto found = std::find_if(reasons.begin(), reasons.end(), [&](const auto& entry) { return entry.first == cell.dash; });
    if (found == reasons.end()) {
      reasons.emplace_back(cell.dash, name);
    } else {
      found->second += ", " + name;
    }
  }
  for (const auto& [reason, names] : reasons) row.notes.push_back(names + ": " + reason);
}

// Every run of a row may use one computation of the features, whose cost was then measured once.
void note_cached(TableRow& row) {
  std::set<double> seconds;
  for (const RunResult& run : row.runs)
    if (run.ok() && run.cached_seconds > 0) seconds.insert(run.cached_seconds);
  if (seconds.empty()) return;
  row.notes.push_back("time: with " + duration(*seconds.begin()) + (seconds.size() > 1 ? " to " + duration(*seconds.rbegin()) : "") +
                      " that cached features cost, measured once");
}

// A method that hardly moved says nothing about itself.
void note_under_training(TableRow& row) {
  constexpr double kEnough = 100;
  std::optional<double> fewest;
  for (const RunResult& run : row.runs)
    if (run.fewest_updates) fewest = std::min(*run.fewest_updates, fewest.value_or(*run.fewest_updates));
  if (fewest && *fewest < kEnough) row.notes.push_back("under-trained: a task of " + fixed(*fewest, 0) + " updates, fewer than 100");
}

}  // namespace

void fill_time(TableRow& row) { row.time = time_cell(row); }

void note_rest(TableRow& row, const std::vector<Column>& columns) {
  note_dashes(row, columns);
  note_mixtures(row);
  note_under_training(row);
  const auto unknown = std::count_if(row.runs.begin(), row.runs.end(), [](const RunResult& r) { return r.ok() && !r.cold_seconds; });
  if (unknown > 0)
    row.notes.push_back("time: " + std::to_string(unknown) + (unknown == 1 ? " run" : " runs") +
                        " used cached features whose cost is unknown");
  note_cached(row);
}

void sort_rows(std::vector<TableRow>& rows, const metrics::Metric& metric, size_t by) {
  const double sign = metric.direction == metrics::Direction::kHigherIsBetter ? 1 : -1;
  std::stable_sort(rows.begin(), rows.end(), [&](const TableRow& a, const TableRow& b) {
    const auto &x = a.cells[by].summary, &y = b.cells[by].summary;
    if (x && y && x->mean != y->mean) return sign * x->mean > sign * y->mean;
    if (x.has_value() != y.has_value()) return x.has_value();
    return std::tie(a.method, a.preset, a.setting) < std::tie(b.method, b.preset, b.setting);
  });
}

}  // namespace clb::report
