#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/compare/history.hpp>
#include <clb/compare/ref.hpp>
#include <clb/stats/bootstrap.hpp>
#include <clb/stats/change_point.hpp>
#include <set>

#include <clb/compare/spec.hpp>
#include "conclusion.hpp"

namespace clb::compare {
namespace {

using base::Error;

std::set<std::string> commits_of(const Series& series) {
  std::set<std::string> commits;
  for (const auto& [id, repetitions] : series.runs) {
    for (const auto* list : {&repetitions.ok, &repetitions.others}) {
      for (const store::RunRow& run : *list) commits.insert(run.commit);
    }
  }
  return commits;
}

std::string series_list(const std::vector<const Series*>& series) {
  const std::vector<std::string> names = ref_names(series);
  std::string list;
  for (size_t i = 0; i < series.size(); ++i)
    list += fmt::format("{}{} {} on {} ({})", i ? "; " : "", series[i]->key().substr(0, 12), names[i], setting_name(series[i]->spec),
                        series[i]->machine_class);
  return list;
}

const Series& find_series(const std::vector<Series>& all, const std::string& wanted) {
  if (all.empty()) throw Error("the database holds no attempt at a run yet; `clbench run` makes some");
  std::vector<const Series*> found;
  for (const Series& series : all) {
    if (series.key().starts_with(wanted)) found.push_back(&series);
  }
  if (found.empty()) {
    const Ref ref = parse_ref(":" + wanted, "");
    for (const Series& series : all) {
      const bool fits = series.method == ref.method && (ref.preset.empty() || series.preset == ref.preset) &&
                        std::ranges::all_of(ref.settings, [&](const auto& s) { return matches(series, s.first, s.second, all); });
      if (fits) found.push_back(&series);
    }
  }
  if (found.size() == 1) return *found.front();
  throw Error(fmt::format("history: {} series is '{}'; there {}: {}", found.empty() ? "no" : "more than one", wanted,
                          found.size() > 1 ? "are" : "is", series_list(found.empty() ? pointers(all) : found)));
}

std::optional<HistoryPoint> point_of(const store::Store& store, const Series& series, const std::string& commit,
                                     const metrics::Metric& metric) {
  HistoryPoint point;
  point.commit = commit;
  std::vector<double> seconds;
  for (const auto& [id, repetitions] : series.runs) {
    if (repetitions.ok.empty()) continue;
    const store::RunRow& newest = repetitions.ok.back();
    const auto value = value_of(store, newest, metric);
    if (!value) continue;
    point.runs.push_back(id);
    point.values.push_back(*value);
    for (const store::RunRow& run : repetitions.ok) seconds.push_back(run.wall_s);
    if (point.at.empty() || repetitions.ok.front().started_at < point.at) point.at = repetitions.ok.front().started_at;
  }
  if (point.values.empty()) return std::nullopt;
  point.summary = stats::summarise(point.values);
  point.seconds = stats::quantile(seconds, 0.5);
  return point;
}

// One point per commit, by time.
std::vector<HistoryPoint> points_of(const store::Store& store, const std::vector<store::RunRow>& attempts, const metrics::Metric& metric) {
  std::map<std::string, std::vector<store::RunRow>> by_commit;
  for (const store::RunRow& attempt : attempts) by_commit[attempt.commit].push_back(attempt);
  std::vector<HistoryPoint> points;
  for (const auto& [commit, own] : by_commit) {
    if (auto point = point_of(store, series_of(own, true).front(), commit, metric)) points.push_back(std::move(*point));
  }
  std::ranges::sort(points,
                    [](const HistoryPoint& a, const HistoryPoint& b) { return std::tie(a.at, a.commit) < std::tie(b.at, b.commit); });
  return points;
}

double mean_between(const std::vector<HistoryPoint>& points, size_t begin, size_t end) {
  double sum = 0;
  for (size_t i = begin; i < end; ++i) sum += points[i].summary.mean;
  return sum / static_cast<double>(end - begin);
}

void mark_steps(std::vector<HistoryPoint>& points) {
  std::vector<double> means;
  for (const HistoryPoint& point : points) means.push_back(point.summary.mean);
  std::vector<size_t> bounds = stats::change_points(means);
  bounds.insert(bounds.begin(), 0);
  bounds.push_back(points.size());
  for (size_t i = 1; i + 1 < bounds.size(); ++i) {
    HistoryPoint& point = points[bounds[i]];
    point.step = true;
    point.step_size = mean_between(points, bounds[i], bounds[i + 1]) - mean_between(points, bounds[i - 1], bounds[i]);
  }
  for (HistoryPoint& point : points) point.other_runs = point.runs != points.back().runs;
}

}  // namespace

std::vector<SeriesEntry> list_series(const store::Store& store) {
  const std::vector<Series> all = series_of(store.attempts(), true);
  const std::vector<std::string> names = ref_names(pointers(all));
  std::vector<SeriesEntry> list;
  for (size_t i = 0; i < all.size(); ++i)
    list.push_back({all[i].key(), all[i].name(), names[i], setting_name(all[i].spec), all[i].machine_class, commits_of(all[i]).size(),
                    all[i].runs.size()});
  return list;
}

History history(const store::Store& store, const std::string& series, const std::string& metric) {
  const std::vector<store::RunRow> attempts = store.attempts();
  const std::vector<Series> all = series_of(attempts, true);
  const Series& found = find_series(all, series);
  History h{found.key(), found.name(), setting_name(found.spec), found.machine_class, metric, {}};
  const std::vector<store::RunRow> own = attempts_of(attempts, h.key);
  h.points = points_of(store, own, metrics::find(metric));
  if (h.points.empty()) throw Error(fmt::format("history: no run of {} ended well and has a value of {}", h.name, metric));
  mark_steps(h.points);
  std::set<int64_t> runs;
  for (const store::RunRow& attempt : own) runs.insert(attempt.run_id);
  for (const store::Annotation& note : store.annotations()) {
    if (!runs.contains(note.run_id)) continue;
    for (HistoryPoint& point : h.points) {
      if (note.commit == point.commit) point.annotations.push_back(note.text);
    }
  }
  return h;
}

std::string annotate(store::Store& store, const std::string& series, const std::string& commit, const std::string& author,
                     const std::string& text) {
  const std::vector<store::RunRow> attempts = store.attempts();
  const std::vector<Series> all = series_of(attempts, true);
  const Series& found = find_series(all, series);
  std::map<std::string, int64_t> runs;  // commit -> a run of it
  for (const store::RunRow& attempt : attempts_of(attempts, found.key())) runs.try_emplace(attempt.commit, attempt.run_id);
  std::vector<std::string> like, known;
  for (const auto& [name, run] : runs) {
    known.push_back(name);
    if (name == commit) like = {name};
    if (name.starts_with(commit) && !runs.contains(commit)) like.push_back(name);
  }
  if (like.size() != 1 || commit.empty())
    throw Error(fmt::format("history: {} commit of {} begins with '{}'; there are: {}", like.empty() ? "no" : "more than one", found.name(),
                            commit, fmt::join(known, ", ")));
  store.add_annotation(runs.at(like.front()), author, like.front(), text);
  return like.front();
}

std::string changes_up_to(const store::Store& store, const std::vector<store::RunRow>& attempts, const std::string& commit,
                          const Side& head, const std::string& metric) {
  const metrics::Metric& m = metrics::find(metric);
  std::vector<HistoryPoint> points = points_of(store, attempts, m);
  const auto base = std::ranges::find(points, commit, &HistoryPoint::commit);
  if (base == points.end()) return "";
  points.erase(base + 1, points.end());
  if (auto newest = point_of(*head.store, *head.series, "head", m)) points.push_back(std::move(*newest));
  mark_steps(points);
  std::string text;
  for (const HistoryPoint& point : points) {
    if (point.step)
      text += fmt::format("{}{} at {}", text.empty() ? "history: the line steps by " : ", by ", clb::compare::points(point.step_size),
                          point.commit);
  }
  return text;
}

}  // namespace clb::compare
