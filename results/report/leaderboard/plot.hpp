// Plots of the leaderboard, as SVG that is written here: so they are there without JavaScript, keep their text selectable, and are the same
// file on the page and as a download. One function per kind of plot; each gives the drawing and its numbers as CSV.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "../model.hpp"

namespace clb::report {

struct Plot {
  std::string name;   // for a file: "curves"
  std::string title;  // above it
  std::string about;  // what it shows, in a sentence
  std::string svg, csv;
};

// A row of a table, as plots show it.
struct PlottedRow {
  std::string id, label;
  const TableRow* row;
  bool joint;                                        // one stage, the last
  std::vector<std::optional<stats::Summary>> curve;  // accuracy after each task: mean, lowest and highest of its runs
};

// Accuracy over all classes seen after each task, with bands; the rows beside it, from the highest at the end.
Plot curves_plot(const std::vector<PlottedRow>& rows);
// A dot and a bar per row for each of the columns given by position.
Plot intervals_plot(const std::vector<PlottedRow>& rows, const std::vector<Column>& columns, const std::vector<size_t>& shown);
// Column y against column x: points, and the front of those that no other row beats in both.
Plot pareto_plot(const std::vector<PlottedRow>& rows, const std::vector<Column>& columns, size_t x, size_t y);

// Shares in [0, 1] as a grid; nullopt: nothing there. `tip` says what a cell is.
struct HeatCell {
  double share;
  std::string tip;
};
struct HeatRow {
  std::string label;
  std::vector<std::optional<HeatCell>> cells;
  std::string behind{};  // a text behind the row
};
Plot heat_plot(const std::string& name, const std::string& title, const std::string& about, const std::string& across,
               const std::vector<HeatRow>& rows, const std::string& behind = "");

}  // namespace clb::report
