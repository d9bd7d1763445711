// A comparison for a terminal.
#include <fmt/format.h>

#include "columns.hpp"
#include "conclusion.hpp"

namespace clb::compare {
namespace {

std::string percent(double fraction) { return fmt::format("{:.2f}", 100 * fraction); }

std::string range(const stats::Interval& i, std::string (*text)(double)) { return fmt::format("[{}, {}]", text(i.low), text(i.high)); }
std::string share(double p) { return fmt::format("{:.2f}", p); }

std::string metric_rows(const Matched& m) {
  Rows rows{{"metric", "A", "B", "A - B", "95 % interval", "p", "sign-flip p", "P(A better)", "over"}};
  for (const Difference& d : m.differences) {
    const std::string name = std::string(d.metric->id) + (d.metric->direction == metrics::Direction::kHigherIsBetter ? " ↑" : " ↓");
    if (d.a.empty()) {
      rows.push_back({name, "–", "–", "–", "–", "–", "–", "–", "–"});
      continue;
    }
    rows.push_back({name, percent(d.mean_a), percent(d.mean_b), points(d.mean), d.interval ? range(*d.interval, points) : "–",
                    d.p ? p_value(*d.p) : "–", p_value(d.sign_flip->p) + (d.sign_flip->exact ? "" : "~"), d.better ? share(*d.better) : "–",
                    d.units.text() + (d.over_images ? " x images" : "")});
  }
  return aligned(rows);
}

std::string flip_rows(const std::string& title, const std::vector<Flips>& list) {
  Rows rows{{title, "predictions", "changed", "only A right", "only B right", "McNemar p"}};
  for (size_t task = 0; task < list.size(); ++task) {
    const Flips& f = list[task];
    if (f.n == 0) continue;
    rows.push_back({std::to_string(task + 1), std::to_string(f.n), std::to_string(f.changed), std::to_string(f.only_a),
                    std::to_string(f.only_b), f.p ? p_value(*f.p) : "–"});
  }
  return rows.size() > 1 ? aligned(rows) + "\n" : "";
}

std::string pairs_line(const Matched& m) {
  std::string line = fmt::format("{} pair{} (seed/order seed", m.ids.size(), m.ids.size() == 1 ? "" : "s");
  for (const RunId& id : m.ids) line += fmt::format(" {}/{}", id.seed, id.order_seed);
  line += ")";
  if (m.unpaired_a + m.unpaired_b > 0) line += fmt::format("; without a partner: {} of A, {} of B", m.unpaired_a, m.unpaired_b);
  return line;
}

std::string matched_text(const Matched& m) {
  std::string text = fmt::format("{}: A = {}, B = {}\n{}\n", printable(m.setting), printable(m.a_name), printable(m.b_name), pairs_line(m));
  if (!m.config_difference.empty()) text += fmt::format("A and B differ in {}\n", printable(m.config_difference));
  text += "\n" + metric_rows(m) + "\n";
  text += flip_rows("after task", m.flips.after_task) + flip_rows("on task, at the end", m.flips.on_task);
  if (!m.flips.missing.empty()) text += "no flipped predictions: " + printable(m.flips.missing) + "\n\n";
  return text;
}

}  // namespace

std::string comparison_text(const Comparison& c) {
  std::string text = fmt::format("A = {}\nB = {}\n\n", printable(c.a.text), printable(c.b.text));
  for (const Matched& m : c.matched) text += matched_text(m);
  if (c.overall) {
    Rows rows{{"mean over settings", "A", "B", "A - B", "95 % interval"}};
    rows.push_back({fmt::format("{} settings", c.overall->settings), percent(c.overall->mean_a), percent(c.overall->mean_b),
                    points(c.overall->mean), range(c.overall->interval, points)});
    text += aligned(rows) + "\n";
  }
  for (const std::string& note : c.notes) text += printable(note) + "\n";
  text +=
      "A and B in %, differences in percentage points; ~: p from random sign patterns. Intervals, p and P(A better): Student's t over what "
      "the row says. Equal results count once. Flips describe these trained models, McNemar's p one pair of them; several pairs judge the "
      "same "
      "images, so that there is none.\n\n";
  return text + printable(c.conclusion) + "\n";
}

}  // namespace clb::compare
