// Which rows cannot be told from the best: a paired test on the same seeds and class orders, p values adjusted for the number of rows.
#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/stats/paired.hpp>

#include "model.hpp"

namespace clb::report {
namespace {

constexpr double kAlpha = 0.05;

using Pairs = std::vector<std::pair<const RunResult*, const RunResult*>>;

std::optional<double> value_of(const RunResult& run, size_t by) {
  return run.ok() && by < run.values.size() ? run.values[by].value : std::nullopt;
}

Pairs pairs_of(const TableRow& a, const TableRow& b, size_t by) {
  Pairs pairs;
  for (const RunResult& x : a.runs) {
    for (const RunResult& y : b.runs) {
      const bool same = x.run.seed == y.run.seed && x.run.order_seed == y.run.order_seed;
      if (same && value_of(x, by) && value_of(y, by)) pairs.emplace_back(&x, &y);
    }
  }
  return pairs;
}

// Exact McNemar on the predictions after the last task; nullopt: none are stored.
std::optional<double> mcnemar(const store::Store& store, const RunResult& a, const RunResult& b,
                              const std::set<int64_t>& with_predictions) {
  const int64_t x = a.run.attempt_id, y = b.run.attempt_id;
  if (!with_predictions.contains(x) || !with_predictions.contains(y)) return std::nullopt;
  const std::vector<int64_t> labels = store.targets(x).labels, of_a = store.prediction(x, a.run.tasks_done - 1),
                             of_b = store.prediction(y, b.run.tasks_done - 1);
  if (of_a.size() != labels.size() || of_b.size() != labels.size()) return std::nullopt;
  int64_t only_a = 0, only_b = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const bool right_a = of_a[i] == labels[i], right_b = of_b[i] == labels[i];
    only_a += right_a && !right_b;
    only_b += right_b && !right_a;
  }
  return stats::mcnemar_exact(only_a, only_b);
}

AgainstBest test(const TableRow& best, const TableRow& row, size_t by, const store::Store& store,
                 const std::set<int64_t>& with_predictions) {
  const Pairs pairs = pairs_of(best, row, by);
  AgainstBest against{"cannot tell", "", {}, {}, static_cast<int64_t>(pairs.size())};
  if (pairs.size() < kEnoughPairs) {
    against.how = std::to_string(pairs.size()) + " paired runs, a test needs three";
    return against;
  }
  std::vector<double> differences;
  for (const auto& [a, b] : pairs) differences.push_back(*value_of(*a, by) - *value_of(*b, by));
  const bool drawn = std::ranges::any_of(differences, [&](double d) { return d != differences.front(); });
  if (drawn) {
    against.p = stats::t_test(differences);
    against.how = "paired t test over " + std::to_string(pairs.size()) + " runs";
  } else {  // nothing is drawn at random in either: all that is uncertain is the choice of test images
    against.p = mcnemar(store, *pairs.front().first, *pairs.front().second, with_predictions);
    against.how = against.p ? "every seed gives the same difference: exact McNemar test over test images after the last task"
                            : "every seed gives the same difference, and no predictions are stored";
  }
  return against;
}

}  // namespace

void mark_best(std::vector<TableRow>& rows, size_t by, const store::Store& store, const std::set<int64_t>& with_predictions) {
  if (rows.size() < 2 || !rows[0].cells[by].summary || !rows[1].cells[by].summary) return;
  rows[0].against_best = AgainstBest{"best", "", {}, {}, 0};
  std::vector<AgainstBest*> tested;
  std::vector<double> p;
  for (size_t i = 1; i < rows.size(); ++i) {
    if (!rows[i].cells[by].summary) continue;
    rows[i].against_best = test(rows[0], rows[i], by, store, with_predictions);
    if (!rows[i].against_best->p) continue;
    tested.push_back(&*rows[i].against_best);
    p.push_back(*tested.back()->p);
  }
  const std::vector<double> adjusted = p.empty() ? p : stats::holm(p);
  for (size_t i = 0; i < tested.size(); ++i) {
    tested[i]->p_holm = adjusted[i];
    tested[i]->verdict = adjusted[i] < kAlpha ? "below" : "not distinguishable";
  }
}

std::string best_mark(const TableRow& row) {
  if (!row.against_best) return "";
  return row.against_best->verdict == "not distinguishable" ? " ≈" : row.against_best->verdict == "cannot tell" ? " ?" : "";
}

bool any_mark(const Report& report) {
  for (const Table& table : report.tables)
    for (const Section& section : table.sections)
      if (std::ranges::any_of(section.rows, [](const TableRow& row) { return !best_mark(row).empty(); })) return true;
  return false;
}

}  // namespace clb::report
