// marks_level [TABLES [ROWS]]: how often a table of equal rows calls one worse, and how often rows that are worse are called so; with 3, 5
// and 10 seeds, rows that vary alike and rows of which each third one varies five times as much. Beside it what tables did before: Holm's
// method on paired t tests against the row that the data put first. The procedure is that of results/stats. ROWS: only up to so many. Exits
// with 1 where more than 6 % of tables, by more than the simulation's own error, say something false.
#include <algorithm>
#include <array>
#include <clb/stats/moderated.hpp>
#include <clb/stats/paired.hpp>
#include <clb/stats/ranking.hpp>
#include <cstdio>
#include <cstdlib>

#include "made_outcomes.hpp"

namespace {

using namespace clb;

constexpr double kLevel = 1, kImage = 1.5, kApart = 0.6;  // on the logistic scale; kApart is some 10 points
constexpr size_t kImages = 500;

struct Case {
  size_t rows = 6;
  int64_t seeds = 3;
  double spread = 0;   // of seeds, on the logistic scale
  size_t pattern = 0;  // of kPatterns
};

struct Pattern {
  const char* words;
  double (*times)(size_t row);
};
constexpr std::array kPatterns{Pattern{"", [](size_t) { return 1.0; }},
                               Pattern{", a third 5 times", [](size_t row) { return row % 3 == 0 ? 5.0 : 1.0; }},
                               Pattern{", one 10 times", [](size_t row) { return row == 0 ? 10.0 : 1.0; }}};

struct Counted {
  int here = 0, before = 0;  // tables that say something false; rows that are found to be worse
};

struct Row {
  stats::Crossed images;
  std::vector<double> of_seeds;
  double mean = 0;
  bool worse = false;
};

std::vector<Row> table_of(bench::Outcomes& outcomes, const Case& c, bool half_are_worse) {
  const bench::Design design{1, c.seeds, kImages};
  const stats::Units units = stats::units_of(bench::drawn_runs(design));
  const std::vector<double> images = outcomes.normals(kImages, kImage);
  std::vector<Row> rows(c.rows);
  for (size_t r = 0; r < c.rows; ++r) {
    Row& row = rows[r];
    row.worse = half_are_worse && r >= c.rows / 2;
    const double spread = c.spread * kPatterns[c.pattern].times(r);
    // What a method finds difficult is in part its own.
    std::vector<double> difficulty = outcomes.normals(kImages, kImage / 2);
    for (size_t i = 0; i < kImages; ++i) difficulty[i] += images[i];
    const auto runs = outcomes.runs(design, kLevel - (row.worse ? kApart : 0), {kImage, 0, spread}, difficulty, {0.0});
    row.images = stats::unit_images(units, runs);
    for (size_t u = 0; u < row.images.units; ++u) row.of_seeds.push_back(stats::over_units_and_images({1, kImages, runs[u]}).mean);
    row.mean = stats::mean(row.of_seeds);
  }
  std::ranges::stable_sort(rows, [](const Row& a, const Row& b) { return a.mean > b.mean; });
  return rows;
}

std::vector<bool> called_worse(const std::vector<Row>& rows) {
  std::vector<std::vector<double>> of_seeds;
  for (const Row& row : rows) of_seeds.push_back(row.of_seeds);
  const stats::Prior prior = stats::prior_of(of_seeds);
  const auto first = stats::first_worse(rows.size(), 0.05, [&](size_t a, size_t b, double alpha) {
    stats::Uncertain difference = stats::difference(rows[a].images, rows[b].images);
    difference.units = stats::moderated(difference.units, prior);
    return difference.mean > 0 && stats::told_from_zero(difference, alpha);
  });
  std::vector<bool> worse(rows.size());
  for (size_t r = 0; r < rows.size(); ++r) worse[r] = r >= first[0];
  return worse;
}

std::vector<bool> called_worse_by_holm(const std::vector<Row>& rows) {
  std::vector<double> p;
  for (size_t r = 1; r < rows.size(); ++r) {
    std::vector<double> differences;
    for (size_t u = 0; u < rows[r].of_seeds.size(); ++u) differences.push_back(rows[0].of_seeds[u] - rows[r].of_seeds[u]);
    p.push_back(stats::t_test(differences));
  }
  std::vector<bool> worse{false};
  for (const double adjusted : stats::holm(p)) worse.push_back(adjusted < 0.05);
  return worse;
}

void count(const std::vector<Row>& rows, const std::vector<bool>& worse, int Counted::*member, Counted& falsely, Counted& rightly) {
  bool any = false;
  for (size_t r = 0; r < rows.size(); ++r) {
    any = any || (worse[r] && !rows[r].worse);
    rightly.*member += worse[r] && rows[r].worse;
  }
  falsely.*member += any;
}

}  // namespace

int main(int argc, char** argv) {
  const int tables = argc > 1 ? std::atoi(argv[1]) : 1000;
  const size_t most_rows = argc > 2 ? static_cast<size_t>(std::atoll(argv[2])) : 30;
  if (tables < 1 || most_rows < 6) {
    std::fprintf(stderr, "usage: marks_level [TABLES [ROWS]], with ROWS from 6\n");
    return 2;
  }
  const double most = 6 + 300 * std::sqrt(0.06 * 0.94 / tables);  // percent
  bool good = true;
  std::printf("| rows | seeds | sd of seeds | false, equal rows | Holm | false, half 10 points worse | Holm | found worse | Holm |\n");
  std::printf("|---|---|---|---|---|---|---|---|---|\n");
  for (const size_t rows : {6, 12, 30})
    for (const int64_t seeds : {3, 5, 10})
      for (const double spread : {0.0, 0.1, 0.3})
        for (size_t pattern = 0; pattern < kPatterns.size(); ++pattern) {
          if (rows > most_rows || (spread == 0 && pattern > 0)) continue;
          const Case c{rows, seeds, spread, pattern};
          bench::Outcomes outcomes(rows * 100 + static_cast<size_t>(seeds));
          Counted null, half, power;
          for (int table = 0; table < tables; ++table)
            for (const bool half_are_worse : {false, true}) {
              const std::vector<Row> made = table_of(outcomes, c, half_are_worse);
              Counted& falsely = half_are_worse ? half : null;
              count(made, called_worse(made), &Counted::here, falsely, power);
              count(made, called_worse_by_holm(made), &Counted::before, falsely, power);
            }
          const auto percent = [&](int n, double of) { return 100.0 * n / (tables * of); };
          const double worse = static_cast<double>(rows - rows / 2);
          std::printf("| %zu | %d | %.1f%s | %.1f | %.1f | %.1f | %.1f | %.0f | %.0f |\n", rows, static_cast<int>(seeds), spread,
                      kPatterns[pattern].words, percent(null.here, 1), percent(null.before, 1), percent(half.here, 1),
                      percent(half.before, 1), percent(power.here, worse), percent(power.before, worse));
          std::fflush(stdout);
          good = good && percent(null.here, 1) <= most && percent(half.here, 1) <= most;
        }
  return good ? 0 : 1;
}
