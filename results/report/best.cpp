// Which rows cannot be told from the best and from each other: every pair of ranked rows on the same seeds, class orders and test images.
#include <algorithm>
#include <clb/stats/moderated.hpp>
#include <clb/stats/ranking.hpp>
#include <map>

#include "model.hpp"

namespace clb::report {
namespace {

constexpr double kAlpha = 0.05;  // of one false "worse" or more in a section

struct Pair {
  std::optional<stats::Uncertain> difference;  // by how much the first is better; nothing: there is nothing to test with
  size_t units = 0;
  std::string how;
};

// A ranked row with what its pairs read of it, worked out once.
struct Ranked {
  TableRow* row = nullptr;
  std::map<std::pair<int64_t, int64_t>, const RunResult*> runs;  // by class order and seed
  std::vector<double> means;                                     // of its units, when no run of it repeats another; else empty
  std::optional<stats::Crossed> images;                          // of these units
  bool usual = false;                                            // its units are those of the rows from which `prior` comes
};

struct Question {
  size_t by;           // the column
  double better;       // 1 where more is better, else -1
  stats::Prior prior;  // of a difference of two usual rows
};

Ranked ranked(TableRow& row, size_t by) {
  Ranked r{.row = &row, .runs = {}, .means = {}, .images = {}};
  std::vector<double> values;
  std::vector<std::vector<float>> images;
  std::vector<stats::DrawnRun> drawn;
  for (const RunResult& run : row.runs)
    if (run.ok() && by < run.values.size() && run.values[by].value) r.runs[{run.run.order_seed, run.run.seed}] = &run;
  for (const auto& [id, run] : r.runs) {
    drawn.push_back({id.second, id.first, run->result});
    images.push_back(run->images);
    values.push_back(*run->values[by].value);
  }
  const stats::Units units = stats::units_of(drawn);
  if (units.distinct < units.runs || units.members.size() < kEnoughPairs) return r;
  r.means = stats::unit_means(units, values);
  const bool known = std::ranges::all_of(images, [&](const auto& run) { return run.size() > 1 && run.size() == images.front().size(); });
  if (known) r.images = stats::unit_images(units, images);
  return r;
}

bool same_runs(const Ranked& a, const Ranked& b) {
  return std::ranges::equal(a.runs, b.runs, [](const auto& x, const auto& y) { return x.first == y.first; });
}

// Rows that have the runs of the first one that can be usual tell of each other how far units lie apart.
stats::Prior settle_prior(std::vector<Ranked>& rows) {
  const Ranked* first = nullptr;
  std::vector<std::vector<double>> means;
  for (Ranked& row : rows) {
    if (!first && !row.means.empty()) first = &row;
    row.usual = !row.means.empty() && same_runs(*first, row);
    if (row.usual) means.push_back(row.means);
  }
  return means.empty() ? stats::Prior{0, 0} : stats::prior_of(means);
}

std::string words(size_t units, bool orders) {
  return std::to_string(units) + (orders ? " class order" : " seed") + (units == 1 ? "" : "s");
}

stats::Uncertain weighed(stats::Uncertain difference, const Ranked& a, const Ranked& b, const Question& question) {
  if (a.usual && b.usual) difference.units = stats::moderated(difference.units, question.prior);
  return difference;
}

// Of the runs that both have.
Pair pair_of(const Ranked& a, const Ranked& b, const Question& question) {
  std::vector<stats::DrawnRun> drawn;
  std::vector<double> differences;
  std::vector<std::vector<float>> images;
  bool known = true;
  for (const auto& [id, x] : a.runs) {
    const auto found = b.runs.find(id);
    if (found == b.runs.end()) continue;
    const RunResult& y = *found->second;
    drawn.push_back({id.second, id.first, x->result * static_cast<int64_t>(b.row->runs.size() + 1) + y.result});
    differences.push_back(question.better * (*x->values[question.by].value - *y.values[question.by].value));
    known = known && x->images.size() > 1 && x->images.size() == y.images.size();
    std::vector<float>& image = images.emplace_back();
    for (size_t i = 0; known && i < x->images.size(); ++i)
      image.push_back(static_cast<float>(question.better) * (x->images[i] - y.images[i]));
  }
  const stats::Units units = stats::units_of(drawn);
  const size_t n = units.members.size();
  // Of results that no seed moves the test images alone are left to decide.
  if (n == 1 && units.runs >= kEnoughPairs && known)
    return {stats::over_units_and_images(stats::unit_images(units, images)), n, "every seed gives the same: over test images alone"};
  if (n < kEnoughPairs) {
    const bool repeats = units.distinct < units.runs;
    return {{}, n, words(n, units.of_orders()) + (repeats ? " with different results" : "") + " in common, a test needs three"};
  }
  if (known)
    return {weighed(stats::over_units_and_images(stats::unit_images(units, images)), a, b, question), n,
            "paired on " + words(n, units.of_orders()) + " and test images"};
  const stats::Uncertain over = stats::over_units(stats::unit_means(units, differences));
  const bool rounding = over.variance() <= 1e-24 * over.mean * over.mean;  // counts of few images may well differ by as many each time
  if (rounding) return {{}, n, "all " + words(n, units.of_orders()) + " give the same difference, and predictions are not stored"};
  return {weighed(over, a, b, question), n, "paired on " + words(n, units.of_orders()) + " alone: predictions of both are not stored"};
}

// Is a better than b?
bool told(const Ranked& a, const Ranked& b, const Question& question, double alpha) {
  if (a.images && b.images && a.images->images == b.images->images && same_runs(a, b)) {
    const stats::Uncertain difference = weighed(stats::difference(*a.images, *b.images), a, b, question);
    return question.better * difference.mean > 0 && stats::told_from_zero(difference, alpha);
  }
  const Pair pair = pair_of(a, b, question);
  return pair.difference && pair.difference->mean > 0 && stats::told_from_zero(*pair.difference, alpha);
}

void describe(AgainstBest& against, const Pair& pair, double pairs, bool below, double better) {
  against.verdict = below ? "below" : "not distinguishable";
  against.p = stats::p_value(*pair.difference);
  against.p_adjusted = std::min(1.0, pairs * stats::careful_p(*pair.difference));
  const stats::Interval interval = stats::interval(*pair.difference, stats::kLevel);
  against.difference = better > 0 ? interval : stats::Interval{-interval.high, -interval.low};
  if (!below && *against.p_adjusted < kAlpha)
    against.how += "; not called worse, since a row of a lower mean, or one of this group, is not";
}

}  // namespace

void mark_best(std::vector<TableRow>& rows, const Column& column, size_t by) {
  if (rows.size() < 2 || !rows[0].cells[by].summary || !rows[1].cells[by].summary) return;
  std::vector<Ranked> all;
  for (TableRow& row : rows)
    if (row.cells[by].summary) all.push_back(ranked(row, by));
  const double better = column.metric->direction == metrics::Direction::kHigherIsBetter ? 1 : -1;
  const Question question{by, better, settle_prior(all)};
  all[0].row->against_best = AgainstBest{.verdict = "best", .how = "", .p = {}, .p_adjusted = {}};
  std::vector<const Ranked*> compared{&all[0]};
  std::vector<Pair> with_best{{}};
  for (Ranked& one : all) {
    one.row->rank = stats::Rank{.low = 1, .high = all.size()};
    if (&one == &all[0]) continue;
    Pair pair = pair_of(all[0], one, question);
    one.row->against_best = AgainstBest{"cannot tell", pair.how, {}, {}, {}, static_cast<int64_t>(pair.units)};
    if (!pair.difference) continue;
    compared.push_back(&one);
    with_best.push_back(std::move(pair));
  }
  if (compared.size() < 2) return;
  const auto first_worse = stats::first_worse(
      compared.size(), kAlpha, [&](size_t a, size_t b, double alpha) { return told(*compared[a], *compared[b], question, alpha); });
  for (size_t r = 0; r < compared.size(); ++r) {
    TableRow& row = *compared[r]->row;
    row.rank = stats::rank_of(r, first_worse);
    row.rank->high += all.size() - compared.size();  // who could not be compared may stand anywhere
    if (r > 0) describe(*row.against_best, with_best[r], stats::pairs_of(compared.size()), r >= first_worse[0], better);
  }
}

std::string best_mark(const TableRow& row) {
  if (!row.against_best) return "";
  return row.against_best->verdict == "not distinguishable" ? " ≈" : row.against_best->verdict == "cannot tell" ? " ?" : "";
}

std::string rank_text(const TableRow& row) {
  if (!row.rank) return "";
  const std::string low = std::to_string(row.rank->low);
  return row.rank->low == row.rank->high ? low : low + "–" + std::to_string(row.rank->high);
}

bool any_rank(const Table& table) {
  return std::ranges::any_of(table.sections, [](const Section& section) {
    return std::ranges::any_of(section.rows, [](const TableRow& row) { return row.rank.has_value(); });
  });
}

bool any_mark(const Report& report) {
  for (const Table& table : report.tables)
    for (const Section& section : table.sections)
      if (std::ranges::any_of(section.rows, [](const TableRow& row) { return !best_mark(row).empty(); })) return true;
  return false;
}

}  // namespace clb::report
