#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/compare/comparison.hpp>
#include <set>

#include <clb/compare/spec.hpp>
#include "conclusion.hpp"

namespace clb::compare {
namespace {

using base::Error;

std::string joined(const std::vector<std::string>& words) {
  const std::set<std::string> unique(words.begin(), words.end());
  return fmt::format("{}", fmt::join(unique, ", "));
}

// The series of one ref: those of its method, preset and settings.
std::vector<Series> chosen(const Selection& selection) {
  const Ref& ref = selection.ref;
  const std::vector<Series> all = series_of(selection.attempts, false);
  std::vector<Series> kept;
  for (const Series& series : all) {
    const bool fits = (ref.method.empty() || series.method == ref.method) && (ref.preset.empty() || series.preset == ref.preset) &&
                      std::ranges::all_of(ref.settings, [&](const auto& s) { return matches(series, s.first, s.second, all); });
    if (fits) kept.push_back(series);
  }
  if (kept.empty())
    throw Error(fmt::format("'{}' matches no run in {}; there {}: {}", ref.text, ref.file.string(), all.size() == 1 ? "is" : "are",
                            joined(ref_names(pointers(all)))));
  return kept;
}

// A ref that names a method means one configuration under each key.
void require_one_each(const Ref& ref, const std::vector<Series>& series) {
  if (ref.method.empty()) return;
  std::map<std::string, std::vector<const Series*>> by_key;
  for (const Series& s : series) by_key[s.comparability_key].push_back(&s);
  for (const auto& [key, same] : by_key) {
    if (same.size() > 1)
      throw Error(fmt::format("'{}' matches {} configurations on {} in {}; say which: {}", ref.text, same.size(),
                              setting_name(same.front()->spec), ref.file.string(), joined(ref_names(same))));
  }
}

bool same_identity(const Series& a, const Series& b) {
  return a.config_key == b.config_key && a.joint == b.joint && a.precision == b.precision;
}

Difference difference_of(const Selection& a, const Selection& b, const std::vector<Pair>& pairs, const metrics::Metric& metric) {
  Difference d;
  d.metric = &metric;
  std::vector<double> differences;
  for (const Pair& pair : pairs) {
    const auto left = value_of(*a.store, *pair.a, metric), right = value_of(*b.store, *pair.b, metric);
    if (!left || !right) continue;
    d.a.push_back(*left);
    d.b.push_back(*right);
    differences.push_back(*left - *right);
    d.mean_a += *left;
    d.mean_b += *right;
  }
  if (differences.empty()) return d;
  const auto n = static_cast<double>(differences.size());
  d.mean_a /= n;
  d.mean_b /= n;
  d.mean = d.mean_a - d.mean_b;
  if (differences.size() >= kFewestPairs) d.interval = stats::t_interval(differences, stats::kLevel);
  d.sign_flip = stats::sign_flip(differences);
  const bool up = metric.direction == metrics::Direction::kHigherIsBetter;
  d.improvement = stats::probability_of_improvement({up ? stats::Stratum{d.a, d.b} : stats::Stratum{d.b, d.a}});
  return d;
}

Finding finding_of(const Matched& m) {
  const Difference& d = m.deciding();
  const bool compared = !m.flips.after_task.empty();
  const bool same = compared && std::ranges::all_of(m.flips.after_task, [](const Flips& f) { return f.changed == 0; });
  if (d.a.empty()) return Finding::kCannotTell;
  if (same) return Finding::kSame;
  if (!d.interval) return Finding::kCannotTell;
  if (d.interval->low <= 0 && d.interval->high >= 0) return Finding::kNotApart;
  const bool up = d.metric->direction == metrics::Direction::kHigherIsBetter;
  return (d.mean > 0) == up ? Finding::kABetter : Finding::kBBetter;
}

size_t finished(const Series& series) {
  return static_cast<size_t>(std::ranges::count_if(series.runs, [](const auto& run) { return !run.second.ok.empty(); }));
}

Matched match(const Selection& a, const Selection& b, const Series& left, const Series& right,
              const std::vector<const metrics::Metric*>& metrics) {
  Matched m{a.store, b.store, left, right, "", "", setting_name(left.spec), {}, {}, 0, 0, {}, {}, {}, {}};
  m.shared = set_apart(m.a, m.b);
  m.config_difference = left.method == right.method ? config_difference(left.spec, right.spec) : "";
  const std::vector<Pair> pairs = pairs_of(m.a, m.b);
  for (const Pair& pair : pairs) m.ids.push_back(pair.id);
  m.unpaired_a = finished(m.a) - pairs.size();
  m.unpaired_b = finished(m.b) - pairs.size();
  for (const metrics::Metric* metric : metrics) m.differences.push_back(difference_of(a, b, pairs, *metric));
  m.flips = flips_of({a.store.get(), &m.a}, {b.store.get(), &m.b}, pairs);
  m.finding = finding_of(m);
  return m;
}

// Series of one key belong together when a method was named, or when they are the same configuration.
std::vector<std::pair<const Series*, const Series*>> counterparts(const std::vector<Series>& a, const std::vector<Series>& b, bool named) {
  std::vector<std::pair<const Series*, const Series*>> found;
  for (const Series& left : a) {
    for (const Series& right : b) {
      if (left.comparability_key == right.comparability_key && (named || same_identity(left, right))) found.emplace_back(&left, &right);
    }
  }
  return found;
}

[[noreturn]] void nothing_in_common(const Ref& a, const Ref& b, const std::vector<Series>& left, const std::vector<Series>& right) {
  const bool shared = std::ranges::any_of(left, [&](const Series& l) {
    return std::ranges::any_of(right, [&](const Series& r) { return l.comparability_key == r.comparability_key; });
  });
  if (shared)
    throw Error(fmt::format("'{}' and '{}' share no configuration of a method; name the methods, for example {}:{} {}:{}", a.text, b.text,
                            a.file.string(), left.front().method, b.file.string(), right.front().method));
  throw Error(fmt::format("'{}' and '{}' cannot be compared, their comparability keys differ in {}", a.text, b.text,
                          comparability_difference(left.front().spec, right.front().spec)));
}

void require_evidence(const Comparison& c, const Ref& a, const Ref& b) {
  if (std::ranges::any_of(c.matched, [](const Matched& m) { return !m.ids.empty(); })) return;
  size_t shared = 0;
  for (const Matched& m : c.matched) shared += m.shared.runs;
  if (shared > 0)
    throw Error(
        fmt::format("'{}' and '{}' hold the same attempts ({} run{}, by UUID): nothing is learnt from comparing them with themselves; name "
                    "runs that were made apart",
                    a.text, b.text, shared, shared == 1 ? "" : "s"));
  throw Error(
      fmt::format("'{}' and '{}' have no finished runs of the same seed and class order; run both with the same run.seed and "
                  "protocol.order_seed",
                  a.text, b.text));
}

void note_shared(Comparison& c) {
  for (const Matched& m : c.matched) {
    const std::string text = shared_text(m.shared);
    if (!text.empty()) c.notes.push_back(fmt::format("{} on {}: {}", m.a_name, m.setting, text));
  }
}

// Over several keys; a metric that is better when lower counts with its sign turned.
void aggregate(Comparison& c) {
  std::vector<stats::Stratum> strata, improving;
  std::set<std::string> keys;
  for (const Matched& m : c.matched) {
    const Difference& d = m.deciding();
    if (d.a.empty() || d.metric != c.matched.front().deciding().metric) continue;
    const bool up = d.metric->direction == metrics::Direction::kHigherIsBetter;
    keys.insert(m.a.comparability_key);
    strata.push_back({d.a, d.b});
    improving.push_back(up ? stats::Stratum{d.a, d.b} : stats::Stratum{d.b, d.a});
  }
  if (keys.size() < 2) return;
  c.interquartile = stats::interquartile_means(strata);
  c.improvement = stats::probability_of_improvement(improving);
}

void note_left_out(Comparison& c, const std::vector<Series>& a, const std::vector<Series>& b) {
  std::set<std::string> common, named;
  for (const Matched& m : c.matched) common.insert(m.a.comparability_key);
  for (const auto& [side, other, word] : {std::tuple(&a, &b, "A"), std::tuple(&b, &a, "B")}) {
    for (const Series& series : *side) {
      if (common.contains(series.comparability_key) || !named.insert(word + series.comparability_key).second) continue;
      c.notes.push_back(fmt::format("{} alone has {} on {}; the other's comparability key differs in {}", word, series.name(),
                                    setting_name(series.spec), comparability_difference(series.spec, other->front().spec)));
    }
  }
}

}  // namespace

const Difference& Matched::deciding() const {
  const auto found = std::ranges::find_if(differences, [](const Difference& d) { return !d.a.empty(); });
  return found == differences.end() ? differences.front() : *found;
}

Comparison compare(const Ref& a, const Ref& b, const std::vector<std::string>& metric_ids) {
  std::vector<const metrics::Metric*> metrics;
  for (const std::string& id : metric_ids) {
    metrics.push_back(&metrics::find(id));
    if (std::string_view(metrics.back()->unit) != "fraction")
      throw base::Error(fmt::format("compare: {} is no accuracy but a cost in {}; `clbench gate` judges costs", id, metrics.back()->unit));
  }
  Selection left = select(a, Commits::kAll), right = select(b, Commits::kAll);
  auto inherit = [](Ref& to, const Ref& from) {
    if (to.method.empty()) {
      to.method = from.method;
      to.preset = from.preset;
      to.settings = from.settings;
    }
  };
  inherit(left.ref, right.ref);
  inherit(right.ref, left.ref);
  const std::vector<Series> of_a = chosen(left), of_b = chosen(right);
  require_one_each(left.ref, of_a);
  require_one_each(right.ref, of_b);

  Comparison c{left.ref, right.ref, {}, {}, {}, {}, {}, false};
  const auto found = counterparts(of_a, of_b, !left.ref.method.empty());
  if (found.empty()) nothing_in_common(a, b, of_a, of_b);
  std::vector<const Series*> named;
  for (const auto& [l, r] : found) named.insert(named.end(), {l, r});
  const std::vector<std::string> names = ref_names(named);
  for (size_t i = 0; i < found.size(); ++i) {
    c.matched.push_back(match(left, right, *found[i].first, *found[i].second, metrics));
    c.matched.back().a_name = names[2 * i];
    c.matched.back().b_name = names[2 * i + 1];
  }
  require_evidence(c, a, b);
  aggregate(c);
  note_shared(c);
  note_left_out(c, of_a, of_b);
  c.conclusion = conclusion(c);
  c.cannot_tell = std::ranges::all_of(c.matched, [](const Matched& m) { return m.finding == Finding::kCannotTell; });
  return c;
}

}  // namespace clb::compare
