// Accuracy against a cost, and the Pareto front: rows that no other row beats in both.
#include <algorithm>

#include "plot.hpp"
#include "svg.hpp"

namespace clb::report {
namespace {

constexpr double kBottom = 340;

struct Point {
  double x, y;  // the cost, and percent
  size_t row;
};

// From the cheapest to the most accurate.
std::vector<Point> front_of(std::vector<Point> points) {
  std::ranges::sort(points, [](const Point& a, const Point& b) { return a.x != b.x ? a.x < b.x : a.y > b.y; });
  std::vector<Point> front;
  for (const Point& point : points)
    if (front.empty() || point.y > front.back().y) front.push_back(point);
  return front;
}

// Names stand where no other name does: right above their point, else below or to the left, else they are left to the list.
struct Names {
  struct Box {
    double left, right, y;
  };
  std::vector<Box> taken;
  std::string place(double x, double y, const std::string& name, std::string_view classes) {
    const double width = 6.6 * static_cast<double>(name.size());
    for (const auto& [dx, dy] :
         {std::pair{8.0, -7.0}, {8.0, 15.0}, {-8.0 - width, -7.0}, {-8.0 - width, 15.0}, {8.0, -21.0}, {8.0, 29.0}}) {
      const Box box{x + dx, x + dx + width, y + dy};
      const bool inside = box.left > svg::kLeft && box.right < svg::kRight + 20 && box.y > svg::kTop && box.y < kBottom - 2;
      const bool free =
          std::ranges::none_of(taken, [&](const Box& b) { return b.left < box.right && box.left < b.right && std::abs(b.y - box.y) < 13; });
      if (!inside || !free) continue;
      taken.push_back(box);
      return svg::text(box.left, box.y, name, classes);
    }
    return "";
  }
};

std::string front_line(const std::vector<Point>& front, const svg::Scale& x, const svg::Scale& y) {
  std::vector<std::pair<double, double>> steps{{x(front.front().x), kBottom}};
  for (const Point& point : front) {
    steps.emplace_back(x(point.x), steps.back().second);
    steps.emplace_back(x(point.x), y(point.y));
  }
  steps.emplace_back(svg::kRight, steps.back().second);
  return svg::path(steps, "front");
}

}  // namespace

Plot pareto_plot(const std::vector<PlottedRow>& rows, const std::vector<Column>& columns, size_t xi, size_t yi) {
  std::vector<Point> points;
  std::vector<double> xs, ys;
  std::string csv = csv_line({"row", columns[xi].name, columns[yi].name, "on_front"});
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto &sx = rows[i].row->cells[xi].summary, &sy = rows[i].row->cells[yi].summary;
    if (!sx || !sy) continue;
    points.push_back({sx->mean, 100 * sy->mean, i});
    xs.push_back(sx->mean), ys.push_back(100 * sy->mean);
  }
  if (points.size() < 2) return {};
  const svg::Scale x = svg::scale_around(xs, svg::kLeft + 8, svg::kRight - 8, true), y = svg::scale_around(ys, kBottom, svg::kTop, false);
  const std::vector<Point> front = front_of(points);
  const auto on_front = [&](size_t row) { return std::ranges::any_of(front, [&](const Point& p) { return p.row == row; }); };
  std::string body = svg::axis_x(x, kBottom, svg::kTop, columns[xi].symbol(), columns[xi].metric->unit) +
                     svg::axis_y(y, svg::kLeft, svg::kRight, columns[yi].symbol() + " (%)", "") + front_line(front, x, y);
  Names names;
  std::vector<svg::Entry> entries;
  std::ranges::sort(points, [](const Point& a, const Point& b) { return a.y > b.y; });
  for (const bool first : {true, false})  // names of the front first
    for (const Point& point : points) {
      const PlottedRow& row = rows[point.row];
      if (on_front(point.row) != first) continue;
      const std::string name = svg::shortened(row.label, 22);
      body += "<g class=\"" + svg::look(point.row) + "\" data-row=\"" + base::xml_text(row.id) + "\">" +
              svg::tip(row.label + ": " + quantity(point.x, columns[xi].metric->unit) + ", " + fixed(point.y, 2) + " %") +
              svg::mark(x(point.x), y(point.y), point.row) +
              (first ? names.place(x(point.x), y(point.y), name, "") : svg::text(x(point.x) + 8, y(point.y) - 7, name, "named")) + "</g>";
    }
  for (const Point& point : points) {
    entries.push_back(
        {rows[point.row].id, rows[point.row].label, quantity(point.x, columns[xi].metric->unit) + " · " + fixed(point.y, 1), point.row});
    csv += csv_line({rows[point.row].label, shortest(point.x), shortest(point.y / 100), on_front(point.row) ? "1" : "0"});
  }
  body += svg::text(svg::kWidth - 4, svg::kTop - 12, columns[xi].symbol() + " · " + columns[yi].symbol(), "q", "end") +
          svg::legend(entries, svg::kRight + 16, svg::kTop + 8);
  const double height = std::max(kBottom + 42, svg::kTop + 16 + svg::kLegendLine * static_cast<double>(entries.size()));
  const std::string title = columns[yi].symbol() + " against " + columns[xi].symbol();
  return {"pareto-" + columns[xi].name, title, "The line is the Pareto front: the named rows on it are beaten in both by no other row.",
          svg::document(svg::kWidth, height, title, body), csv};
}

}  // namespace clb::report
