// A dot and a bar per row: the mean and its interval.
#include <algorithm>

#include "plot.hpp"
#include "svg.hpp"

namespace clb::report {
namespace {

constexpr double kNames = 180, kLine = 19;

const stats::Summary* interval_of(const PlottedRow& row, size_t column) {
  const auto& summary = row.row->cells[column].summary;
  return summary ? &*summary : nullptr;
}

std::string interval_words(const PlottedRow& row, const Column& column, const stats::Summary& s) {
  return row.label + ": " + column.symbol() + " " + quantity(s.mean, column.metric->unit) + ", " + quantity(s.low, column.metric->unit) +
         " to " + quantity(s.high, column.metric->unit) + ", " + std::to_string(s.n) + (s.n == 1 ? " run" : " runs");
}

std::string interval_panel(const std::vector<PlottedRow>& rows, const Column& column, size_t index, double left, double right,
                           double bottom) {
  std::vector<double> values;
  for (const PlottedRow& row : rows)
    if (const auto* s = interval_of(row, index)) values.insert(values.end(), {100 * s->low, 100 * s->high, 100 * s->mean});
  if (values.empty()) return "";
  svg::Scale x = svg::scale_around(values, left, right, false);
  std::string body = svg::axis_x(x, bottom, svg::kTop - 6, column.symbol() + " (%)", "");
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto* s = interval_of(rows[i], index);
    if (!s) continue;
    const double y = svg::kTop + kLine * (static_cast<double>(i) + 0.5);
    const bool best = rows[i].row->against_best && rows[i].row->against_best->verdict == "best";
    body += std::string("<g class=\"s") + (best ? " best" : "") + "\" data-row=\"" + base::xml_text(rows[i].id) + "\">" +
            svg::tip(interval_words(rows[i], column, *s)) + svg::line(x(100 * s->low), y, x(100 * s->high), y, "bar") +
            "<circle class=\"dot\" cx=\"" + svg::number(x(100 * s->mean)) + "\" cy=\"" + svg::number(y) + "\" r=\"3.6\"/></g>";
  }
  return body;
}

}  // namespace

Plot intervals_plot(const std::vector<PlottedRow>& rows, const std::vector<Column>& columns, const std::vector<size_t>& shown) {
  const double bottom = svg::kTop + kLine * static_cast<double>(rows.size());
  std::string body, csv = csv_line({"row", "metric", "mean", "low", "high", "runs"});
  for (size_t i = 0; i < rows.size(); ++i) {
    const double y = svg::kTop + kLine * (static_cast<double>(i) + 0.5);
    body += "<g class=\"s\" data-row=\"" + base::xml_text(rows[i].id) + "\">" + svg::tip(rows[i].label) +
            svg::text(kNames - 8, y + 4, svg::shortened(rows[i].label, 26), "", "end") + "</g>";
  }
  const double width = (svg::kWidth - kNames) / static_cast<double>(shown.size());
  for (size_t p = 0; p < shown.size(); ++p) {
    const double left = kNames + width * static_cast<double>(p);
    body += interval_panel(rows, columns[shown[p]], shown[p], left + 4, left + width - 14, bottom);
    for (const PlottedRow& row : rows)
      if (const auto* s = interval_of(row, shown[p]))
        csv += csv_line({row.label, columns[shown[p]].name, shortest(s->mean), shortest(s->low), shortest(s->high), std::to_string(s->n)});
  }
  const std::string title = "Means and their intervals";
  return {"intervals", title, "The dot is the mean over runs, the bar what stands behind ± in the table; the best row in colour.",
          svg::document(svg::kWidth, bottom + 42, title, body), csv};
}

}  // namespace clb::report
