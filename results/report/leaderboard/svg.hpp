// Pieces of SVG: scales, axes, text. What is text is escaped here and nowhere else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clb::report::svg {

std::string number(double value);  // a coordinate

// From a quantity to a coordinate, linear or logarithmic.
struct Scale {
  double from = 0, to = 1;    // the quantity's ends
  double begin = 0, end = 1;  // where they lie
  bool log = false;
  double operator()(double value) const;
  std::vector<double> ticks(double about) const;  // round numbers within
};
Scale scale_around(const std::vector<double>& values, double begin, double end, bool may_log);

std::string text(double x, double y, std::string_view words, std::string_view classes = "", std::string_view anchor = "start");
std::string line(double x1, double y1, double x2, double y2, std::string_view classes);
std::string path(const std::vector<std::pair<double, double>>& points, std::string_view classes, bool closed = false);
std::string mark(double x, double y, size_t look);  // a point in the look of a row
std::string tip(std::string_view words);            // <title>

// The look of the i-th row: a colour, a dash and a shape, so that thirty rows differ and people with colour blindness tell them apart.
std::string look(size_t i);  // classes

std::string axis_x(const Scale& scale, double y, double top, std::string_view title, std::string_view unit);
std::string axis_y(const Scale& scale, double x, double right, std::string_view title, std::string_view unit);

// The list of rows beside a plot, from `x` on.
struct Entry {
  std::string id, label, value;
  size_t look;
};
std::string legend(const std::vector<Entry>& entries, double x, double y);
inline constexpr double kLegendLine = 16;

// The frame of a plot with a list of rows beside it.
inline constexpr double kLeft = 44, kTop = 30, kRight = 410, kWidth = 672;

std::string document(double width, double height, const std::string& title, const std::string& body, size_t rows = 1);
std::string shortened(std::string_view words, size_t columns);

}  // namespace clb::report::svg
