// What the cells of a row say: the mean over what was drawn independently, and the 95 % interval that belongs to it.
#include <algorithm>
#include <clb/metrics/image_values.hpp>
#include <map>

#include "model.hpp"

namespace clb::report {
namespace {

constexpr size_t kEnoughUnits = 3;  // with two, a t interval is 12.7 standard errors wide and tells nobody anything

using Images = std::vector<std::vector<float>>;  // of each run; empty where there are none

// Runs that predicted the same after every task get one number; where no predictions are stored, those with the same counts.
void number_results(TableRow& row, const store::Store& store, const std::set<int64_t>& with_predictions) {
  std::map<std::string, int64_t> known;
  for (RunResult& run : row.runs) {
    if (!run.ok()) continue;
    std::string result = "counts " + std::to_string(run.counts_hash);
    if (with_predictions.contains(run.run.attempt_id))
      for (const std::string& hash : store.prediction_hashes(run.run.attempt_id)) result += " " + hash;
    run.result = known.emplace(result, static_cast<int64_t>(known.size())).first->second;
  }
}

std::vector<metrics::Weight> weights_of(const Column& column, const metrics::AccuracyMatrix& matrix) {
  if (!column.task) return column.metric->weights ? column.metric->weights(matrix) : std::vector<metrics::Weight>{};
  return metrics::weights_after(matrix, matrix.joint() ? 0 : *column.task);
}

bool over_images(const Column& column) { return column.task || column.metric->weights != nullptr; }

// What each image adds to each column, for every run; why there is nothing, where a run has none.
std::vector<Images> images_of(const TableRow& row, const std::vector<Column>& columns, const store::Store& store,
                              const std::set<int64_t>& with_predictions, std::string& missing) {
  std::vector<Images> all(columns.size(), Images(row.runs.size()));
  if (!std::ranges::any_of(columns, over_images)) return all;
  for (size_t r = 0; r < row.runs.size(); ++r) {
    const RunResult& run = row.runs[r];
    if (!run.ok()) continue;
    if (!with_predictions.contains(run.run.attempt_id)) {
      missing = "no predictions are stored";
      continue;
    }
    const metrics::AccuracyMatrix matrix = metrics::matrix_of(row.spec, store.evals(run.run.attempt_id));
    const metrics::ImageValues values(store, run.run.attempt_id, matrix);
    if (!values.missing().empty()) missing = values.missing();
    for (size_t c = 0; c < columns.size(); ++c)
      if (over_images(columns[c]) && run.values[c].value) all[c][r] = values.of(weights_of(columns[c], matrix), *run.values[c].value);
  }
  return all;
}

// The mean's interval, by the spread that says what it is over.
void fill_interval(stats::Summary& summary, const stats::Units& units, const std::vector<double>& means, const Images& images) {
  const bool known = !images.empty() &&
                     std::ranges::all_of(images, [&](const auto& run) { return run.size() == images.front().size() && run.size() > 1; });
  if (!known || means.size() == 2) return;
  const stats::Interval interval = stats::interval(stats::over_units_and_images(stats::unit_images(units, images)), stats::kLevel);
  const double half = (interval.high - interval.low) / 2;
  summary.low = summary.mean - half;
  summary.high = summary.mean + half;
  summary.spread = means.size() == 1 ? "images95" : "units-images95";
}

// Seconds of the mean that were measured once, when the features were computed, and are the larger part of every value.
bool mostly_cached(const TableRow& row, const std::vector<size_t>& counted, const Column& column, size_t c) {
  return column.metric->holds_cached &&
         std::ranges::all_of(counted, [&](size_t r) { return row.runs[r].cached_seconds > *row.runs[r].values[c].value / 2; });
}

Cell metric_cell(const TableRow& row, const Column& column, size_t c, const Images& images) {
  Cell cell{.summary = {}, .dash = {}, .unit = column.metric->unit};
  const bool cost = cell.unit != "fraction";  // measured anew by every run, also of equal results
  std::vector<size_t> counted;
  std::vector<stats::DrawnRun> drawn;
  std::vector<double> values;
  Images own;
  for (size_t r = 0; r < row.runs.size(); ++r) {
    const RunResult& run = row.runs[r];
    if (run.values.empty()) continue;
    if (!run.values[c].value) {
      if (cell.dash.empty()) cell.dash = run.values[c].dash;
      continue;
    }
    counted.push_back(r);
    drawn.push_back({run.run.seed, run.run.order_seed, cost ? static_cast<int64_t>(r) : run.result});
    values.push_back(*run.values[c].value);
    own.push_back(images[r]);
  }
  if (values.empty()) {
    if (cell.dash.empty()) cell.dash = "no run has a result";
    return cell;
  }
  const stats::Units units = stats::units_of(drawn);
  const std::vector<double> means = stats::unit_means(units, values);
  cell.summary = stats::summarise(means);
  fill_interval(*cell.summary, units, means, own);
  if (mostly_cached(row, counted, column, c)) {
    cell.summary->spread = "once";
    cell.summary->low = cell.summary->high = cell.summary->mean;
  }
  return cell;
}

void note_units(TableRow& row, const std::vector<Column>& columns, const std::string& missing) {
  if (row.units.runs == 0) return;
  const auto count = [](size_t n, const char* what) { return std::to_string(n) + " " + what + (n == 1 ? "" : "s"); };
  const bool alone = row.units.members.size() == 1;
  std::string note;
  if (row.units.distinct < row.units.runs) note = count(row.units.distinct, "distinct result") + " of " + count(row.units.runs, "run");
  bool images = false, without = false;
  for (size_t c = 0; c < columns.size(); ++c) {
    if (!row.cells[c].summary) continue;
    images = images || row.cells[c].summary->spread == "images95";
    without = without || (over_images(columns[c]) && row.cells[c].summary->spread == "t95");
  }
  if (alone && images) note += (note.empty() ? "one run: " : ": ") + std::string("±i is over test images alone");
  if (!note.empty()) row.notes.push_back(note);
  if (without && !missing.empty()) row.notes.push_back("±t, for other seeds or orders alone: " + missing);
}

}  // namespace

void fill_cells(TableRow& row, const std::vector<Column>& columns, size_t by, const store::Store& store,
                const std::set<int64_t>& with_predictions) {
  number_results(row, store, with_predictions);
  std::string missing;
  std::vector<Images> images = images_of(row, columns, store, with_predictions, missing);
  for (size_t c = 0; c < columns.size(); ++c) row.cells.push_back(metric_cell(row, columns[c], c, images[c]));
  std::vector<stats::DrawnRun> drawn;
  for (size_t r = 0; r < row.runs.size(); ++r) {
    RunResult& run = row.runs[r];
    if (run.ok()) drawn.push_back({run.run.seed, run.run.order_seed, run.result});
    run.images = std::move(images[by][r]);
  }
  row.units = stats::units_of(drawn);
  fill_time(row);
  row.notes = failure_notes(row.runs);
  note_second_looks(row);
  note_units(row, columns, missing);
  note_rest(row, columns);
}

}  // namespace clb::report
