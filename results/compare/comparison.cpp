#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/compare/comparison.hpp>
#include <clb/metrics/image_values.hpp>
#include <clb/metrics/records.hpp>
#include <clb/stats/uncertain.hpp>
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

// Of one side, image by image, for each pair; empty where the metric or what is stored does not tell.
std::vector<std::vector<float>> images_of(const store::Store& store, const std::vector<const store::RunRow*>& runs,
                                          const metrics::Metric& metric) {
  std::vector<std::vector<float>> all;
  for (const store::RunRow* run : runs) {
    if (!metric.weights) return {};
    const metrics::Run records = metrics::records_of(store, *run);
    all.push_back(metrics::ImageValues(store, run->attempt_id, records.matrix)
                      .of(metric.weights(records.matrix), metric.compute(records).value.value_or(0)));
    if (all.back().empty() || all.back().size() != all.front().size()) return {};
  }
  return all;
}

// Over units and images where both sides tell what each image adds, else over units.
stats::Uncertain uncertain(Difference& d, const Selection& a, const Selection& b, const std::vector<Pair>& pairs) {
  std::vector<const store::RunRow*> of_a, of_b;
  for (const Pair& pair : pairs) {
    of_a.push_back(pair.a);
    of_b.push_back(pair.b);
  }
  const auto left = images_of(*a.store, of_a, *d.metric), right = images_of(*b.store, of_b, *d.metric);
  d.over_images = !left.empty() && !right.empty() && left.front().size() == right.front().size();
  if (!d.over_images) return stats::over_units(d.units.values);
  return stats::difference(stats::unit_images(d.units, left), stats::unit_images(d.units, right));
}

Difference difference_of(const Selection& a, const Selection& b, const std::vector<Pair>& pairs, const std::vector<std::string>& results,
                         const metrics::Metric& metric) {
  Difference d;
  d.metric = &metric;
  std::vector<Pair> kept;
  std::vector<Draw> left, right, differences;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto of_a = value_of(*a.store, *pairs[i].a, metric), of_b = value_of(*b.store, *pairs[i].b, metric);
    if (!of_a || !of_b) continue;
    kept.push_back(pairs[i]);
    d.a.push_back(*of_a);
    d.b.push_back(*of_b);
    left.push_back({pairs[i].id, results[i], *of_a});
    right.push_back({pairs[i].id, results[i], *of_b});
    differences.push_back({pairs[i].id, results[i], *of_a - *of_b});
  }
  if (differences.empty()) return d;
  d.units = units_of(differences);
  d.mean_a = stats::mean(units_of(left).values);
  d.mean_b = stats::mean(units_of(right).values);
  d.mean = d.mean_a - d.mean_b;
  d.sign_flip = stats::sign_flip(d.units.values);
  if (d.units.values.size() < kFewestPairs) return d;
  d.between = uncertain(d, a, b, kept);
  d.interval = stats::interval(d.between, stats::kLevel);
  d.p = stats::p_value(d.between);
  const double above = stats::probability_above_zero(d.between);
  d.better = metric.direction == metrics::Direction::kHigherIsBetter ? above : 1 - above;
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
  Matched m{a.store, b.store, left, right, "", "", setting_name(left.spec), {}, {}, 0, 0, 0, {}, {}, {}};
  m.shared = set_apart(m.a, m.b);
  m.config_difference = left.method == right.method ? config_difference(left.spec, right.spec) : "";
  const std::vector<Pair> pairs = pairs_of(m.a, m.b);
  for (const Pair& pair : pairs) m.ids.push_back(pair.id);
  m.unpaired_a = finished(m.a) - pairs.size();
  m.unpaired_b = finished(m.b) - pairs.size();
  std::vector<std::string> results;
  std::vector<Pair> apart;  // no copies of another
  for (const Pair& pair : pairs) {
    const std::string result = result_of(*a.store, *pair.a) + result_of(*b.store, *pair.b) + pair.id.order;
    if (std::ranges::find(results, result) == results.end()) apart.push_back(pair);
    results.push_back(result);
  }
  for (const metrics::Metric* metric : metrics) m.differences.push_back(difference_of(a, b, pairs, results, *metric));
  m.flips = flips_of({a.store.get(), &m.a}, {b.store.get(), &m.b}, apart);
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

// Error when there is no pair, unless the reason is that both hold the same attempts: then a sentence for the conclusion.
std::string no_pair_left(const Comparison& c, const Ref& a, const Ref& b) {
  if (std::ranges::any_of(c.matched, [](const Matched& m) { return !m.ids.empty(); })) return "";
  size_t shared = 0;
  for (const Matched& m : c.matched) shared += m.shared;
  if (shared > 0)
    return fmt::format(
        "Cannot tell: A and B hold the same {} attempt{} (by UUID), and a run compared with itself says nothing; name runs that were made "
        "apart.",
        shared, shared == 1 ? "" : "s");
  throw Error(
      fmt::format("'{}' and '{}' have no finished runs of the same seed and class order; run both with the same run.seed and "
                  "protocol.order_seed",
                  a.text, b.text));
}

// What a reader has to know of the runs: what was left out, and seeds that make no difference where they should.
void note_runs(Comparison& c) {
  for (const Matched& m : c.matched) {
    const auto note = [&](const std::string& name, const std::string& text) {
      if (!text.empty()) c.notes.push_back(fmt::format("{} on {}: {}", name, m.setting, text));
    };
    note(m.a_name, shared_text(m.shared));
    if (trains(m.a)) note(m.a_name, equal_seeds_text({m.store_a.get(), &m.a}, "A"));
    if (trains(m.b)) note(m.b_name, equal_seeds_text({m.store_b.get(), &m.b}, "B"));
  }
}

void aggregate(Comparison& c) {
  std::vector<const Difference*> list;
  std::set<std::string> keys;
  for (const Matched& m : c.matched) {
    const Difference& d = m.deciding();
    if (!d.interval || d.metric != c.matched.front().deciding().metric || !keys.insert(m.a.comparability_key).second) continue;
    list.push_back(&d);
  }
  if (list.size() < 2) return;
  Overall all;
  all.settings = list.size();
  const auto k = static_cast<double>(list.size());
  std::vector<stats::Uncertain> parts;
  for (const Difference* d : list) {
    all.mean_a += d->mean_a / k;
    all.mean_b += d->mean_b / k;
    parts.push_back(d->between);
  }
  all.mean = all.mean_a - all.mean_b;
  all.interval = interval_of_mean(parts);
  c.overall = all;
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

  Comparison c{left.ref, right.ref, {}, {}, {}, {}, false};
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
  const std::string copies = no_pair_left(c, a, b);
  aggregate(c);
  note_runs(c);
  note_left_out(c, of_a, of_b);
  c.conclusion = copies.empty() ? conclusion(c) : copies;
  c.cannot_tell = std::ranges::all_of(c.matched, [](const Matched& m) { return m.finding == Finding::kCannotTell; });
  return c;
}

}  // namespace clb::compare
