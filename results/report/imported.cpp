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
  row.notes.push_back("imported, not measured here: " + row.citation);
  for (const Column& column : columns) row.cells.push_back(cell_of(imported, *column.metric));
  row.time.dash = "the source gives no time";
  return row;
}

// The table of measured rows with the identical key; else one for rows whose source says the same of dataset, protocol and weights.
Table* place_of(Report& report, const store::ImportedRow& row, bool also_alone) {
  const std::vector<std::string> heading{row.dataset, row.protocol, row.weights + " (imported: in the words of the source)"};
  for (Table& table : report.tables) {
    const bool measured = table.sections.empty() || table.sections.front().title != kElsewhere;
    if (measured ? !row.comparability_key.empty() && table.key == row.comparability_key
                 : table.key == row.comparability_key && table.heading == heading)
      return &table;
  }
  if (!also_alone) return nullptr;
  return &report.tables.emplace_back(Table{row.comparability_key, heading, {}});
}

}  // namespace

void add_imported(Report& report, const store::Store& store, bool also_alone) {
  for (const store::ImportedRow& row : store.imported()) {
    Table* table = place_of(report, row, also_alone);
    if (!table) continue;
    if (table->sections.empty() || table->sections.back().title != kElsewhere) table->sections.push_back({kElsewhere, {}});
    table->sections.back().rows.push_back(row_of(row, report.columns));
  }
}

}  // namespace clb::report
