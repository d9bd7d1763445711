// Rows measured elsewhere, beside the measured ones or in tables of their own. They stand in a section of their own: whatever they say,
// they are neither ranked nor best.
#include <algorithm>

#include "model.hpp"

namespace clb::report {
namespace {

constexpr const char* kElsewhere = "imported: measured elsewhere, not ranked";

Cell cell_of(const store::ImportedRow& row, const metrics::Metric& metric) {
  for (const store::ImportedMetric& value : row.metrics) {
    if (value.id != metric.id) continue;
    if (value.version != metric.version) return {std::nullopt, "imported in version " + std::to_string(value.version) + " of the metric"};
    if (!value.per_run.empty()) return {stats::summarise(value.per_run), {}};
    return {stats::Summary{value.n, value.mean, value.mean, value.mean, "none"}, {}};
  }
  return {std::nullopt, "the source gives no value"};
}

TableRow row_of(const store::ImportedRow& imported, const std::vector<Column>& columns) {
  TableRow row;
  row.method = imported.method + " (imported)";
  row.setting = imported.setting;
  row.imported = true;
  row.citation = imported.citation + (imported.url.empty() ? "" : ", " + imported.url);
  row.url = imported.url;
  row.notes.push_back("imported, not measured here: " + row.citation);
  for (const Column& column : columns) row.cells.push_back(cell_of(imported, *column.metric));
  if (std::ranges::any_of(row.cells, [](const Cell& cell) { return cell.summary && cell.summary->spread == "t95"; }))
    row.notes.push_back("±t, over the runs that the source gives: whether they share a class order, or test images, it does not say");
  row.time.dash = "the source gives no time";
  return row;
}

std::string words_of(const store::ImportedRow& row) { return row.weights + " (imported: in the words of the source)"; }

// The section of imported rows on these weights, behind the measured ones on the same.
Section& append(Table& table, Section section) {
  const auto same =
      std::ranges::find_if(table.sections, [&](const Section& s) { return s.title == kElsewhere && s.weights == section.weights; });
  if (same != table.sections.end()) return *same;
  auto end = table.sections.end();
  for (auto one = table.sections.begin(); one != table.sections.end(); ++one)
    if (one->weights == section.weights) end = one + 1;
  return *table.sections.insert(end, std::move(section));
}

// Beside the measured rows with the identical key, of a table or of one of its sections; else in a table of rows whose source says the same
// of dataset and protocol.
Section* place_of(Report& report, const store::ImportedRow& row, bool also_alone) {
  const std::string& key = row.comparability_key;
  for (Table& table : report.tables) {
    if (key.empty()) break;
    for (const Section& section : table.sections)
      if (section.key == key) return &append(table, {kElsewhere, {}, section.weights, key});
    if (table.key != key) continue;
    const std::vector<std::string> weights = weights_of(table);
    return &append(table, {kElsewhere, {}, weights.size() == 1 ? weights.front() : words_of(row), ""});
  }
  if (!also_alone) return nullptr;
  const std::vector<std::string> heading{row.dataset, row.protocol};
  for (Table& table : report.tables)
    if (table.sections.front().title == kElsewhere && table.key == key && table.heading == heading)
      return &append(table, {kElsewhere, {}, words_of(row), ""});
  return &append(report.tables.emplace_back(Table{key, heading, {}}), {kElsewhere, {}, words_of(row), ""});
}

}  // namespace

void add_imported(Report& report, const store::Store& store, bool also_alone) {
  for (const store::ImportedRow& row : store.imported())
    if (Section* section = place_of(report, row, also_alone)) section->rows.push_back(row_of(row, report.columns));
}

}  // namespace clb::report
