// A report before it is printed: tables of sections of rows of cells. rows.cpp fills it, format_*.cpp print it.
#pragma once

#include <clb/base/json_at.hpp>
#include <clb/base/markup.hpp>
#include <clb/base/text.hpp>
#include <clb/metrics/metric.hpp>
#include <clb/metrics/records.hpp>
#include <clb/report/table.hpp>
#include <clb/stats/interval.hpp>
#include <clb/stats/ranking.hpp>
#include <clb/stats/units.hpp>
#include <clb/store/store.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace clb::report {

inline constexpr size_t kEnoughPairs = 3;  // of values, before one row is said to differ from another

struct RunResult {
  store::RunRow run;                         // without its spec
  std::vector<store::EvalRow> evals;         // only where the format prints counts
  std::vector<metrics::Result> values;       // one per column of the report; empty when the run did not end well
  std::vector<std::optional<double>> curve;  // accuracy over all classes seen, after each task
  std::vector<base::Metric> scalars;         // usage of prompts
  uint64_t counts_hash = 0;                  // of the counts after every task
  int64_t result = 0;                        // runs of a row that computed the same have the same number
  std::vector<float> images;                 // what each test image adds to the column that rows are sorted by; empty: not known
  double seconds = 0;                        // measured
  double cached_seconds = 0;                 // what the features that it found in the cache had cost
  std::optional<double> cold_seconds;        // nullopt: features came from the cache and their cost is unknown
  std::optional<double> fewest_updates;      // of any task; nullopt: the method reports none
  bool ok() const { return run.status.status == "ok"; }
};

struct Cell {
  std::optional<stats::Summary> summary;
  std::string dash;  // why there is none
  std::string_view unit = "fraction";
};

// How a ranked row stands against the best one of its table.
struct AgainstBest {
  std::string verdict;                          // "best" | "not distinguishable" | "below" | "cannot tell"
  std::string how;                              // the test, or why there is none
  std::optional<double> p, p_adjusted;          // of no difference; adjusted for all pairs of rows
  std::optional<stats::Interval> difference{};  // 95 %, of the best row's mean less this one's
  int64_t pairs = 0;                            // units that both have
};

struct TableRow {
  std::string method, preset, precision, track;
  std::string setting;  // what tells it from other rows of its method: "top_k=5 bf16"
  base::Json spec;      // of one of its runs: they differ in seeds, class order and experiment only
  base::Json params;
  int64_t tried = 0;  // configurations of this method that were run under this key
  bool class_sorted = false;
  bool imported = false;  // measured elsewhere: no runs, no time
  std::string citation;   // of an imported row
  std::string url{};      // likewise, as its source gives it; may be anything
  std::vector<RunResult> runs;
  std::vector<Cell> cells;                  // one per column
  Cell time;                                // cold seconds per run
  stats::Units units;                       // of the runs that ended well
  std::optional<AgainstBest> against_best;  // of ranked rows, by the first metric
  std::optional<stats::Rank> rank;          // likewise, at 5 % for all rows together
  std::vector<std::string> notes;
};

// Rows that may be ranked against each other, or what one of them may not be ranked for. Sections on the same weights stand together.
struct Section {
  std::string title;  // empty: the ranked rows
  std::vector<TableRow> rows;
  std::string weights{};  // what they run on, in words
  std::string key{};      // data, protocol and weights: the store's comparability_key
  std::string overlap{};  // why the data are not new to the weights; empty: nothing is known of that
};

// Whether a claim of the literature holds in a table.
struct Finding {
  std::string claim, citation;
  std::string weights{};  // of the sections that it is about, where a table has several
  std::string verdict;    // "holds" | "does not hold" | "cannot tell"
  std::string why;
  std::optional<double> difference;  // between the means of the two groups, in the metric's unit
  size_t pairs = 0;                  // class orders, or seeds of one, that all methods of both groups have
};

struct Table {
  std::string key;                   // comparability key: data and protocol
  std::vector<std::string> heading;  // dataset; protocol
  std::vector<Section> sections;
  std::vector<Finding> findings{};
  std::string drawn{};  // what n counts: class orders, or seeds of one order
};
// sections.cpp: how a table says what its sections run on. Where all run on the same, its heading does; else each group of sections.
std::vector<std::string> weights_of(const Table& table);    // each once, in order
std::string joined(const std::vector<std::string>& words);  // with "; "
std::string weights_words(const Section& section);          // with the overlap
std::vector<std::string> heading_lines(const Table& table);
std::string group_title(const Table& table, const Section& section);  // of the first section of a group; "" of others
void tell_drawn(Table& table);                                        // what n counts, and what its intervals hold for
void tell_weights_apart(Table& table);                                // sections of different keys get different words
inline constexpr const char* kEvalTransform = ", eval transform ";

// What stands above the cells of a column: a metric, its value after one of the tasks, or on one data set and protocol.
struct Column {
  const metrics::Metric* metric;
  std::string name;               // "acc.last.sample", "after task 3", "cifar100 B0-Inc10"
  std::string formula;            // what is below it, in words
  std::optional<int64_t> task{};  // of a value after a task: which
  std::string title() const;      // with an arrow: "acc.last.sample ↑"
  std::string symbol() const;     // the metric's, else its id: "A_last"
  std::string explain() const;    // "acc.last.sample (version 1): …"
};
std::vector<Column> metric_columns(const std::vector<std::string>& ids);

struct Report {
  std::vector<Column> columns;
  std::vector<Table> tables;
};

Report build(const store::Store& store, const TableOptions& options);

// imported.cpp: puts imported rows into the table with their comparability key; the others into tables of their own if also_alone.
void add_imported(Report& report, const store::Store& store, bool also_alone);

// spec_words.cpp: words for what a run's spec says. They accept any JSON, also that of an older clbench.
using base::flag_at, base::integer_at, base::text_at;
using WeightNames = std::map<std::string, std::string>;                      // SHA-256 -> name
std::vector<std::string> heading(const base::Json& spec);                    // dataset; protocol
std::string weights_line(const base::Json& spec, const WeightNames& names);  // "weights main = deit-tiny (sha256 bc989c5ef5c3)"
inline constexpr const char* kUpperBound = "upper bounds (joint training)";
std::string section_title(const store::RunRow& run);  // "" for a ranked row
inline constexpr const char* kMarked = "not ranked: a fresh process does not predict the same from the saved state";
int section_rank(const std::string& title);                             // order in which sections are printed
std::string parameter_text(const base::Json& value);                    // a parameter's value without quotes
std::vector<std::string> failure_notes(const std::vector<RunResult>&);  // one per reason why runs have no result

// columns.cpp
std::vector<Column> task_columns(int64_t tasks);
Report over_datasets(Report report);  // one table of all: a column for each
std::string short_name(const Table& table);

// best.cpp: which ranked rows cannot be told from the best one and from each other, paired on seeds and class orders, at 5 % over all
// pairs.
void mark_best(std::vector<TableRow>& rows, const Column& column, size_t by);
std::string best_mark(const TableRow& row);  // " ≈", " ?" or ""
bool any_mark(const Report& report);
std::string rank_text(const TableRow& row);  // "1", "2–5" or ""
bool any_rank(const Table& table);

// uncertainty.cpp: everything that a row says of its own runs.
void fill_cells(TableRow& row, const std::vector<Column>& columns, size_t by, const store::Store& store,
                const std::set<int64_t>& with_predictions);

// cells.cpp: times, notes, and the order of rows.
void fill_time(TableRow& row);
void note_rest(TableRow& row, const std::vector<Column>& columns);
void sort_rows(std::vector<TableRow>& rows, const metrics::Metric& metric, size_t by);  // by: its column

// claims.cpp: claims of whose both groups a table ranks a method on the same weights, by columns that it shows. Those about the number of
// tasks stand in the table of the second number.
void judge(const std::vector<reference::Claim>& claims, Report& report);
std::string sentence(const Finding& finding);

// second_look.cpp
bool marked(const TableRow& row);                 // a second look at one of its runs keeps it from being ranked
std::string look_word(const store::RunRow& run);  // same | differs | failed | not_made | none
std::string look_word(const TableRow& row);       // the worst of its runs that ended ok; "" when none did
std::string look_text(const store::RunRow& run);  // in a sentence
base::Json look_json(const store::RunRow& run);   // null: not taken
void note_second_looks(TableRow& row);

// number.cpp
std::string fixed(double value, int decimals);
std::string shortest(double value);    // reads back as the same double
std::string percent(double fraction);  // "62.30"
std::string duration(double seconds);  // "41.2 s", "5.3 min", "2.1 h"
struct Scale {                         // how numbers of one size are printed
  double factor;
  int decimals;
  const char* suffix;
};
Scale scale_of(double value, std::string_view unit);         // unit: metrics::Metric's
std::string quantity(double value, std::string_view unit);   // "62.30" (of a fraction), "5.3 min", "12.4 MB", "1.2 M"
std::string axis_text(double value, std::string_view unit);  // the same without needless digits; unit "": as it is
struct CellParts {
  std::string mean, spread;  // "62.30 s", "± 0.41" or "[61.90, 62.70]"
};
CellParts cell_parts(const Cell& cell);  // of a cell that has a summary
CellParts cell_parts(const Cell& cell, std::string_view sign);
const char* sign_of(const std::string& spread);                  // "±", "±t", "±i" or ""
std::string cell_text(const Cell& cell);                         // "62.30 ± 0.41 (3)", "62.30 [61.90, 62.70] (2)", "41.2 s (once)", "–"
std::string cell_text(const Cell& cell, std::string_view sign);  // with another sign before the half of the interval
using base::markdown_text;
using base::printable;
std::string row_name(const TableRow& row);   // "l2p/small"
std::string row_label(const TableRow& row);  // and its setting: "l2p/small lr=0.01"

// Pieces that both kinds of tables are printed with.
std::string markdown_row(const std::vector<std::string>& cells);
std::string csv_line(const std::vector<std::string>& fields);

std::string format_text(const Report& report, bool color);
std::string format_markdown(const Report& report);
std::string format_latex(const Report& report);
std::string format_csv(const Report& report);
std::string format_json(const Report& report);

inline constexpr const char* kNoRuns = "no runs in this database yet; `clbench run EXPERIMENT.toml` makes some";
inline constexpr const char* kClassSorted = "test batches sorted by class, only to reproduce published numbers";
inline constexpr const char* kLegend =
    "cells: mean in % (n: class orders where several were run, else seeds; equal results count once), ± half of the 95 % interval for "
    "other "
    "class orders or seeds and other test images, from n = 3 on; ±t the same for other orders or seeds alone (Student's t), where the "
    "metric "
    "is no mean over images or no predictions are stored; ±i for other test images alone, of one result; [lowest, highest] of two; time: "
    "seconds per run, measured plus the cost of cached features, which was measured once";
inline constexpr const char* kBestLegend =
    "≈ not distinguishable from the best row by the column that rows are sorted by, at 5 % for all rows together (paired on seeds, class "
    "orders and test images, adjusted for all pairs of rows): which of them is better cannot be concluded, nor that they are equal; ? "
    "fewer "
    "than three class orders or seeds in common, or nothing to test with; rows without a mark are worse than the best, and none is called "
    "worse whose mean is above that of a row that is not; rank: where a row may stand, all of them at once with 95 %";

}  // namespace clb::report
