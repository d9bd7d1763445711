// `clbench history`: a series of runs over commits, with what people said of them and where the line steps.
#pragma once

#include <clb/compare/pair.hpp>
#include <clb/stats/interval.hpp>
#include <string>
#include <vector>

namespace clb::compare {

struct HistoryPoint {
  std::string commit, at;  // start of its first attempt; points are in this order
  std::vector<RunId> runs;
  std::vector<double> values;  // of the metric, one per run
  stats::Summary summary;
  double seconds = 0;       // of a run, median
  bool other_runs = false;  // other seeds or class orders than the newest point's: not the same mean
  bool step = false;        // a new level begins here
  double step_size = 0;     // its mean minus that of the level before
  std::vector<std::string> annotations;
};

struct History {
  std::string key, name, setting, machine, metric;
  std::vector<HistoryPoint> points;
};

// What there is: every series of the file, with its commits.
struct SeriesEntry {
  std::string key, name, ref, setting, machine;
  size_t commits = 0, runs = 0;
};
std::vector<SeriesEntry> list_series(const store::Store& store);

// `series`: first characters of a key, or a method, METHOD/PRESET or METHOD,NAME=VALUE when only one series is of it. Error (exit 2) lists
// the series when none or several match, and for a series without a finished run.
History history(const store::Store& store, const std::string& series, const std::string& metric);

// Appends an annotation to the series' first run. Error when the series was never run on that commit. Returns the whole commit.
std::string annotate(store::Store& store, const std::string& series, const std::string& commit, const std::string& author,
                     const std::string& text);

// Change points of the line of a series' attempts up to a commit and a head at its end, as one sentence; "" when there is none.
std::string changes_up_to(const store::Store& store, const std::vector<store::RunRow>& attempts, const std::string& commit,
                          const Side& head, const std::string& metric);

std::string history_text(const History& history);
std::string history_json(const History& history);
std::string history_csv(const History& history);
std::string series_text(const std::vector<SeriesEntry>& list);
std::string series_json(const std::vector<SeriesEntry>& list);

}  // namespace clb::compare
