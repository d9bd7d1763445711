// The front: methods x data sets, by the first column.
#include <algorithm>
#include <clb/base/json.hpp>
#include <numeric>

#include "../latex.hpp"
#include "rank.hpp"
#include "row_facts.hpp"
#include "site.hpp"

namespace clb::report {

using base::Json;

namespace {

struct FrontRow {
  const TableRow* row;                  // where it was found first
  std::vector<const TableRow*> places;  // in each table; nullptr: not there
  std::vector<std::string> ids;         // of its row there
  std::vector<std::string> missing;
  std::optional<double> mean_place;
};

struct FrontSection {
  std::string weights, title;
  std::vector<FrontRow> rows;
  bool ranked() const { return title.empty(); }
};

// The same method with the same settings, wherever it was run.
std::string identity(const TableRow& row) {
  return base::canonical({row.method, row.preset, row.params, row.precision, row.imported ? row.setting + row.citation : ""});
}

// All of it where that is short; the dashes of the line say the rest.
std::string missing_words(const FrontRow& row, size_t of) {
  constexpr size_t kNamed = 3;
  if (row.missing.empty()) return "";
  return row.missing.size() <= kNamed ? "missing: " + joined(row.missing)
                                      : "missing: " + std::to_string(row.missing.size()) + " of " + std::to_string(of) + " data sets";
}

class Front {
 public:
  explicit Front(const Board& board) : board_(board) {
    const auto& tables = board.report.tables;
    for (size_t t = 0; t < tables.size(); ++t)
      for (const Section& section : tables[t].sections)
        for (const TableRow& row : section.rows) add(t, tables[t], section, row);
    std::ranges::stable_sort(sections_, {},
                             [&](const FrontSection& s) { return std::pair(weights_rank(s.weights), section_rank(s.title)); });
    for (FrontSection& section : sections_) rank(section);
  }

  Json values() const {
    Json columns = Json::array(), sections = Json::array();
    for (const Table& table : board_.report.tables)
      columns.push_back({{"id", table_id(table)}, {"name", table_name(board_.report, table)}, {"explain", joined(table.heading)}});
    std::string weights = "\n";
    for (const FrontSection& section : sections_) {
      sections.push_back({{"group", section.weights == weights ? "" : section.weights},
                          {"title", section.title},
                          {"more", section.rows.size() > kShownRows ? std::to_string(section.rows.size() - kShownRows) : ""},
                          {"rows", rows_of(section)},
                          {"width", std::to_string(columns.size() + 3)}});
      weights = section.weights;
    }
    const Column& column = board_.report.columns.front();
    return {{"columns", columns}, {"sections", sections}, {"metric", column.explain()}, {"latex", lines_of(latex())}};
  }

 private:
  void add(size_t t, const Table& table, const Section& section, const TableRow& row) {
    auto place =
        std::ranges::find_if(sections_, [&](const FrontSection& s) { return s.weights == section.weights && s.title == section.title; });
    if (place == sections_.end()) {
      sections_.push_back({section.weights, section.title, {}});
      place = sections_.end() - 1;
      if (std::ranges::find(weights_, section.weights) == weights_.end()) weights_.push_back(section.weights);
    }
    const std::string who = section.weights + "\n" + section.title + "\n" + identity(row);
    auto [known, fresh] = known_.try_emplace(who, place->rows.size());
    const size_t width = board_.report.tables.size();
    if (fresh) place->rows.push_back({&row, std::vector<const TableRow*>(width), std::vector<std::string>(width), {}, {}});
    FrontRow& front = place->rows[known->second];
    front.places[t] = &row;
    front.ids[t] = row_id(table, section, row);
  }

  size_t weights_rank(const std::string& weights) const {
    return static_cast<size_t>(std::ranges::find(weights_, weights) - weights_.begin());
  }

  static std::optional<double> value(const FrontRow& row, size_t t) {
    return row.places[t] && row.places[t]->cells.front().summary ? std::optional(row.places[t]->cells.front().summary->mean) : std::nullopt;
  }

  bool higher() const { return board_.report.columns.front().metric->direction == metrics::Direction::kHigherIsBetter; }

  std::vector<std::optional<double>> column_places(const FrontSection& section, size_t t) const {
    std::vector<std::optional<double>> values;
    for (const FrontRow& row : section.rows) values.push_back(row.missing.empty() ? value(row, t) : std::nullopt);
    return places(values, higher());
  }

  // Complete is what has all of its runs on every data set that a row beside it has: other weights may have been tried on others.
  void rank(FrontSection& section) {
    const auto& tables = board_.report.tables;
    std::vector<double> sums(section.rows.size(), 0);
    double wanted = 0;
    for (size_t t = 0; t < tables.size(); ++t) {
      if (std::ranges::none_of(section.rows, [&](const FrontRow& row) { return value(row, t).has_value(); })) continue;
      ++wanted;
      for (FrontRow& row : section.rows) {
        if (!value(row, t)) {
          row.missing.push_back(table_name(board_.report, tables[t]));
        } else if (!row.places[t]->imported && !complete(*row.places[t])) {
          row.missing.push_back(table_name(board_.report, tables[t]) + ": " + run_count(*row.places[t]));
        }
      }
    }
    for (size_t t = 0; t < tables.size() && section.ranked(); ++t) {
      const auto column = column_places(section, t);
      for (size_t i = 0; i < sums.size(); ++i) sums[i] += column[i].value_or(0);
    }
    for (size_t i = 0; i < sums.size(); ++i)
      if (section.ranked() && wanted > 0 && section.rows[i].missing.empty()) section.rows[i].mean_place = sums[i] / wanted;
    std::ranges::stable_sort(section.rows, {},
                             [](const FrontRow& row) { return std::pair(row.missing.size(), row.mean_place.value_or(0)); });
  }

  // In a ranked section the best complete row of a column is bold, and what its table cannot tell from the best carries the table's mark.
  Json rows_of(const FrontSection& section) const {
    std::vector<std::vector<std::optional<double>>> columns;
    size_t ranked = 0;
    for (size_t t = 0; t < board_.report.tables.size(); ++t) columns.push_back(column_places(section, t));
    for (const FrontRow& row : section.rows) ranked += row.mean_place.has_value();
    std::vector<std::optional<double>> means;
    for (const FrontRow& row : section.rows) means.push_back(row.mean_place);
    const auto rank = places(means, false);
    Json rows = Json::array();
    for (size_t i = 0; i < std::min(kShownRows, section.rows.size()); ++i) {
      const FrontRow& front = section.rows[i];
      Json cells = Json::array();
      for (size_t t = 0; t < columns.size(); ++t) {
        const bool there = value(front, t).has_value();
        cells.push_back({{"table", table_id(board_.report.tables[t])},
                         {"href", there ? "#" + front.ids[t] : ""},
                         {"value", there ? shortest(*value(front, t)) : ""},
                         {"mean", there ? cell_parts(front.places[t]->cells.front()).mean : ""},
                         {"spread", there ? cell_parts(front.places[t]->cells.front()).spread : ""},
                         {"best", section.ranked() && columns[t][i] == 1.0},
                         {"mark", there ? best_mark(*front.places[t]) : ""},
                         {"shade", section.ranked() ? shade(columns[t][i], ranked) : ""}});
      }
      Json line = row_values(board_, section.weights, *front.row, "");
      line["rank"] = rank[i] ? fixed(*rank[i], 0) : "";
      line["place"] = front.mean_place ? fixed(*front.mean_place, 1) : "";
      line["place_value"] = front.mean_place ? shortest(*front.mean_place) : "";
      line["missing"] = missing_words(front, columns.size());
      line["cells"] = std::move(cells);
      rows.push_back(std::move(line));
    }
    return rows;
  }

  std::string latex() const {
    LatexTable table{.heads = {"method"}, .label = "tab:front", .caption = {}, .groups = {}};
    const Column& column = board_.report.columns.front();
    table.caption =
        "{} (\\%) of each method on each data set; the best complete row of each column in bold, $\\approx$: cannot be told from the best.";
    table.caption.replace(0, 2, latex_symbol(column));
    for (const Table& t : board_.report.tables) table.heads.push_back(base::latex_text(table_name(board_.report, t)));
    std::string weights;
    for (const FrontSection& section : sections_) {
      LatexGroup group;
      if (section.weights != weights) group.titles.push_back("\\textbf{" + base::latex_text(section.weights) + "}");
      if (!section.title.empty()) group.titles.push_back("\\emph{" + base::latex_text(section.title) + "}");
      weights = section.weights;
      std::vector<std::vector<std::optional<double>>> columns;
      for (size_t t = 0; t < board_.report.tables.size(); ++t) columns.push_back(column_places(section, t));
      for (size_t i = 0; i < std::min(kShownRows, section.rows.size()); ++i) {
        std::vector<std::string> cells{base::latex_text(row_label(*section.rows[i].row))};
        for (size_t t = 0; t < columns.size(); ++t)
          cells.push_back(value(section.rows[i], t)
                              ? latex_cell(section.rows[i].places[t]->cells.front(), section.ranked() && columns[t][i] == 1.0,
                                           best_mark(*section.rows[i].places[t]))
                              : "--");
        group.rows.push_back(std::move(cells));
      }
      table.groups.push_back(std::move(group));
    }
    return latex_text_of(table);
  }

  const Board& board_;
  std::vector<FrontSection> sections_;
  std::vector<std::string> weights_;
  std::map<std::string, size_t> known_;
};

}  // namespace

Json front_values(const Board& board) {
  if (board.report.tables.size() < 2) return nullptr;  // one table says it itself
  return Front(board).values();
}

}  // namespace clb::report
