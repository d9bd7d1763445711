// Accuracy over tasks; the band of a row holds its runs.
#include <algorithm>

#include "plot.hpp"
#include "svg.hpp"

namespace clb::report {
namespace {

size_t stages(const std::vector<PlottedRow>& rows) {
  size_t most = 0;
  for (const PlottedRow& row : rows) most = std::max(most, row.curve.size());
  return most;
}

// A joint run has one stage: where the others end.
size_t stage_of(const PlottedRow& row, size_t t, size_t last) { return row.joint ? last - row.curve.size() + t : t; }

std::string drawn_curve(const PlottedRow& row, size_t look, const svg::Scale& x, const svg::Scale& y, size_t last) {
  std::vector<std::pair<double, double>> line, upper, lower;
  std::string marks;
  for (size_t t = 0; t < row.curve.size(); ++t) {
    if (!row.curve[t]) continue;
    const stats::Summary& s = *row.curve[t];
    const double at = x(static_cast<double>(stage_of(row, t, last) + 1));
    line.emplace_back(at, y(100 * s.mean));
    marks += svg::mark(at, y(100 * s.mean), look);
    if (s.n < 2) continue;
    upper.emplace_back(at, y(std::min(100.0, 100 * s.high)));
    lower.emplace_back(at, y(std::max(0.0, 100 * s.low)));
  }
  upper.insert(upper.end(), lower.rbegin(), lower.rend());
  return "<g class=\"" + svg::look(look) + "\" data-row=\"" + base::xml_text(row.id) + "\">" + svg::tip(row.label) +
         (upper.size() > 2 ? svg::path(upper, "band", true) : "") + svg::path(line, "l") + "<g class=\"k\">" + marks + "</g></g>";
}

std::string curves_csv(const std::vector<PlottedRow>& rows, size_t last) {
  std::string text = csv_line({"row", "after_task", "accuracy", "low", "high", "runs"});
  for (const PlottedRow& row : rows)
    for (size_t t = 0; t < row.curve.size(); ++t)
      if (const auto& s = row.curve[t])
        text += csv_line({row.label, std::to_string(stage_of(row, t, last) + 1), shortest(s->mean), shortest(s->low), shortest(s->high),
                          std::to_string(s->n)});
  return text;
}

}  // namespace

Plot curves_plot(const std::vector<PlottedRow>& rows) {
  const size_t last = stages(rows);
  std::vector<double> values;
  std::vector<std::pair<double, size_t>> order;  // by the accuracy at the end
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const auto& s : rows[i].curve)
      if (s) values.insert(values.end(), {100 * s->mean, 100 * std::min(1.0, s->high), 100 * std::max(0.0, s->low)});
    if (!rows[i].curve.empty() && rows[i].curve.back()) order.emplace_back(-rows[i].curve.back()->mean, i);
  }
  if (values.empty()) return {};
  std::ranges::sort(order);
  const double bottom = std::max(320.0, svg::kTop + svg::kLegendLine * static_cast<double>(order.size()));
  const svg::Scale x{last > 1 ? 1.0 : 0.0, last > 1 ? static_cast<double>(last) : 2.0, svg::kLeft + 8, svg::kRight - 8};
  svg::Scale y = svg::scale_around(values, bottom, svg::kTop, false);
  y.from = std::max(0.0, y.from), y.to = std::min(100.0, y.to);
  std::string body = svg::axis_y(y, svg::kLeft, svg::kRight, "accuracy over all classes seen (%)", "") +
                     svg::line(svg::kLeft, bottom, svg::kRight, bottom, "a");
  const size_t step = (last + 19) / 20;
  for (size_t t = 1; t <= last; t += step) body += svg::text(x(static_cast<double>(t)), bottom + 16, std::to_string(t), "q", "middle");
  body += svg::text((svg::kLeft + svg::kRight) / 2, bottom + 34, "tasks learned", "q", "middle");
  std::vector<svg::Entry> entries;
  for (const auto& [unused, i] : order) {
    body += drawn_curve(rows[i], i, x, y, last);
    entries.push_back({rows[i].id, rows[i].label, percent(rows[i].curve.back()->mean), i});
  }
  body +=
      svg::text(svg::kWidth - 4, svg::kTop - 12, "after the last task", "q", "end") + svg::legend(entries, svg::kRight + 16, svg::kTop + 8);
  const std::string title = "Accuracy over tasks";
  return {"curves", title, "Mean over runs, after each task; the band reaches from the lowest run to the highest.",
          svg::document(svg::kWidth, bottom + 42, title, body, order.size()), curves_csv(rows, last)};
}

}  // namespace clb::report
