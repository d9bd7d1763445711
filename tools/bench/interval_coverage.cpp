// interval_coverage [TABLES [IMAGES]]: how often the 95 % interval of an accuracy holds the true one, and that of a difference of two equal
// rows 0; for 3, 5 and 10 units, few and many images, one order and several. Beside it Student's t over all runs and over units alone. The
// model and its units are those of results/stats. IMAGES: only up to so many. Exits with 1 where a coverage is outside 93 to 97 % by more
// than the simulation's own error.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "made_outcomes.hpp"

namespace {

using namespace clb;
using bench::Design, bench::Effects;

constexpr double kLevel = 1;  // some 65 to 73 % right
constexpr size_t kMostBlocks = 500;

struct Covered {
  int model = 0, units = 0, runs = 0, difference = 0;
};

// As metrics::ImageValues puts many images into blocks.
std::vector<std::vector<float>> in_blocks(std::vector<std::vector<float>> runs) {
  const size_t images = runs.front().size(), blocks = std::min(images, kMostBlocks);
  for (std::vector<float>& run : runs) {
    std::vector<float> sums(blocks, 0.0F);
    for (size_t i = 0; i < images; ++i) sums[i % blocks] += run[i] * static_cast<float>(blocks) / static_cast<float>(images);
    run = std::move(sums);
  }
  return runs;
}

bool holds(const stats::Interval& interval, double truth) { return interval.low <= truth && truth <= interval.high; }

Covered simulate(const Design& design, const Effects& effects, int tables, uint64_t seed) {
  bench::Outcomes outcomes(seed);
  const std::vector<stats::DrawnRun> drawn = bench::drawn_runs(design);
  const stats::Units units = stats::units_of(drawn);
  const double truth = bench::true_accuracy(kLevel, std::hypot(effects.image, effects.order, effects.seed));
  Covered covered;
  for (int table = 0; table < tables; ++table) {
    const std::vector<double> images = outcomes.normals(design.images, effects.image);
    std::array<stats::Crossed, 2> rows;
    std::vector<double> of_runs;
    for (stats::Crossed& row : rows) {
      const auto orders = outcomes.normals(static_cast<size_t>(design.orders), effects.order);
      const auto runs = in_blocks(outcomes.runs(design, kLevel, effects, images, orders));
      row = stats::unit_images(units, runs);
      if (of_runs.empty())
        for (const auto& run : runs) of_runs.push_back(std::accumulate(run.begin(), run.end(), 0.0) / static_cast<double>(run.size()));
    }
    covered.model += holds(stats::interval(stats::over_units_and_images(rows[0]), stats::kLevel), truth);
    covered.units += holds(stats::interval(stats::over_units(stats::unit_means(units, of_runs)), stats::kLevel), truth);
    covered.runs += holds(stats::interval(stats::over_units(of_runs), stats::kLevel), truth);
    covered.difference += holds(stats::interval(stats::difference(rows[0], rows[1]), stats::kLevel), 0);
  }
  return covered;
}

double percent(int part, int whole) { return 100.0 * part / whole; }

}  // namespace

int main(int argc, char** argv) {
  const int tables = argc > 1 ? std::atoi(argv[1]) : 2000;
  const size_t most = argc > 2 ? static_cast<size_t>(std::atoll(argv[2])) : 10000;
  if (tables < 1 || most < 100) {
    std::fprintf(stderr, "usage: interval_coverage [TABLES [IMAGES]], with IMAGES from 100\n");
    return 2;
  }
  const double slack = 300 * std::sqrt(0.95 * 0.05 / tables);  // three standard errors, in percent
  std::printf("| runs | images | sd of images, orders, seeds | model | t over units | t over runs | difference of equal rows |\n");
  std::printf("|---|---|---|---|---|---|---|\n");
  bool good = true;
  for (const double image : {0.3, 1.5, 3.0})
    for (const size_t images : {100, 1000, 10000})
      for (const int64_t units : {3, 5, 10})
        for (const double spread : {0.0, 0.1, 0.5})
          for (const bool nested : {false, true}) {
            if (images > most || (nested && (spread == 0 || image != 1.5))) continue;
            const Design design = nested ? Design{units, 5, images} : Design{1, units, images};
            const Effects effects{image, nested ? spread : 0, nested ? spread / 2 : spread};
            const int own = images == 10000 ? std::max(1, tables / 5) : tables;
            const Covered c = simulate(design, effects, own, images + static_cast<size_t>(units));
            std::printf("| %s%d %s | %zu | %.1f, %.2f, %.2f | %.1f | %.1f | %.1f | %.1f |\n", nested ? "5 seeds x " : "",
                        static_cast<int>(units), nested ? "orders" : "seeds", images, effects.image, effects.order, effects.seed,
                        percent(c.model, own), percent(c.units, own), percent(c.runs, own), percent(c.difference, own));
            std::fflush(stdout);
            const double own_slack = slack * std::sqrt(static_cast<double>(tables) / own);
            good = good && percent(c.model, own) > 93 - own_slack && percent(c.model, own) < 97 + own_slack;
          }
  return good ? 0 : 1;
}
