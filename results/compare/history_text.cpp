// A history as a plot in text, as CSV and as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <clb/compare/history.hpp>
#include "columns.hpp"
#include "conclusion.hpp"

namespace clb::compare {
namespace {

using base::Json;

constexpr int kPlotWidth = 40;

struct Scale {
  double low = 0, high = 0;
  size_t column(double value) const {
    if (high <= low) return kPlotWidth / 2;
    return static_cast<size_t>(std::lround((value - low) / (high - low) * (kPlotWidth - 1)));
  }
};

Scale scale_of(const History& h) {
  Scale scale{h.points.front().summary.low, h.points.front().summary.high};
  for (const HistoryPoint& p : h.points) {
    scale.low = std::min(scale.low, p.summary.low);
    scale.high = std::max(scale.high, p.summary.high);
  }
  return scale;
}

// "   ---o---   ": mean and interval
std::string bar(const HistoryPoint& p, const Scale& scale) {
  std::string text(kPlotWidth, ' ');
  for (size_t i = scale.column(p.summary.low); i <= scale.column(p.summary.high); ++i) text[i] = '-';
  text[scale.column(p.summary.mean)] = 'o';
  return text;
}

}  // namespace

std::string history_text(const History& h) {
  const Scale scale = scale_of(h);
  std::string text = printable(fmt::format("{} on {} ({}), series {}", h.name, h.setting, h.machine, h.key.substr(0, 12))) + "\n\n";
  const std::string ends = fmt::format("{:<{}.2f}{:>.2f}", 100 * scale.low, kPlotWidth - 5, 100 * scale.high);
  text += fmt::format("{:<18} {:<16} {:>6} {:>4} {:>9}  {}\n", "commit", "first run", h.metric.substr(0, 6) == "forget" ? "forget" : "mean",
                      "n", "time", ends);
  for (const HistoryPoint& p : h.points) {
    if (p.step) text += fmt::format("{:=<18} step of {} points\n", "", points(p.step_size));
    std::string line = fmt::format("{:<18} {:<16} {:>6.2f} {:>4} {:>7.1f} s |{}|", p.commit, p.at.substr(0, 16), 100 * p.summary.mean,
                                   std::to_string(p.summary.n) + (p.other_runs ? "*" : ""), p.seconds, bar(p, scale));
    for (const std::string& note : p.annotations) line += " " + note;
    text += printable(line) + "\n";
  }
  text += fmt::format(
      "\n{} in %: o mean over runs, --- 95 % t interval from 3 runs on, below that lowest to highest; time: median of a run\n", h.metric);
  if (std::ranges::any_of(h.points, &HistoryPoint::other_runs))
    text += "* other seeds or class orders than the newest: not the same mean\n";
  return text;
}

std::string history_json(const History& h) {
  Json points = Json::array();
  for (const HistoryPoint& p : h.points) {
    Json runs = Json::array();
    for (size_t i = 0; i < p.runs.size(); ++i)
      runs.push_back({{"seed", p.runs[i].seed}, {"order_seed", p.runs[i].order_seed}, {"value", p.values[i]}});
    points.push_back({{"commit", p.commit},
                      {"at", p.at},
                      {"n", p.summary.n},
                      {"mean", p.summary.mean},
                      {"low", p.summary.low},
                      {"high", p.summary.high},
                      {"spread", p.summary.spread},
                      {"seconds", p.seconds},
                      {"other_runs", p.other_runs},
                      {"step", p.step ? Json(p.step_size) : Json(nullptr)},
                      {"annotations", p.annotations},
                      {"runs", runs}});
  }
  const Json json{{"version", 1},         {"series", h.key},    {"name", h.name},  {"setting", h.setting},
                  {"machine", h.machine}, {"metric", h.metric}, {"points", points}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string history_csv(const History& h) {
  std::string text = "commit,at,n,mean,low,high,spread,seconds,step,annotations\r\n";
  for (const HistoryPoint& p : h.points) {
    text += fmt::format("{},{},{},{},{},{},{},{},{},{}\r\n", base::csv_field(p.commit), p.at, p.summary.n, p.summary.mean, p.summary.low,
                        p.summary.high, p.summary.spread, p.seconds, p.step ? fmt::format("{}", p.step_size) : "",
                        base::csv_field(fmt::format("{}", fmt::join(p.annotations, "; "))));
  }
  return text;
}

std::string series_text(const std::vector<SeriesEntry>& list) {
  if (list.empty()) return "no runs in this database yet; `clbench run EXPERIMENT.toml` makes some\n";
  Rows rows{{"series", "runs", "commits", "method", "setting", "machine"}};
  for (const SeriesEntry& e : list)
    rows.push_back({e.key.substr(0, 12), std::to_string(e.runs), std::to_string(e.commits), e.ref, e.setting, e.machine});
  return aligned(rows);
}

std::string series_json(const std::vector<SeriesEntry>& list) {
  Json json = Json::array();
  for (const SeriesEntry& e : list)
    json.push_back({{"series", e.key},
                    {"name", e.name},
                    {"ref", e.ref},
                    {"setting", e.setting},
                    {"machine", e.machine},
                    {"commits", e.commits},
                    {"runs", e.runs}});
  return Json{{"version", 1}, {"series", json}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace clb::compare
