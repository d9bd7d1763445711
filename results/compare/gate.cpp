#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/compare/history.hpp>
#include <clb/stats/paired.hpp>
#include <set>

#include <clb/compare/spec.hpp>
#include "conclusion.hpp"
#include "gate_parts.hpp"

namespace clb::compare {
namespace {

bool same_but_machine(const Series& a, const Series& b) {
  return a.comparability_key == b.comparability_key && a.joint == b.joint && a.config_key == b.config_key && a.precision == b.precision;
}

bool same_entry(const Series& a, const Series& b) {
  return a.comparability_key == b.comparability_key && a.joint == b.joint && a.precision == b.precision && a.method == b.method &&
         a.preset == b.preset;
}

// Pairs what `same` says belongs together and is still alone; with `only`, when there is but one candidate on each side.
template <class Same>
void pair_up(std::vector<Counterpart>& matches, std::vector<const Series*>& fresh, bool only, Same same) {
  for (Counterpart& match : matches) {
    if (match.head) continue;
    auto fits = [&](const Series* head) { return same(*match.base, *head); };
    const auto heads = std::ranges::count_if(fresh, fits);
    const auto rivals = std::ranges::count_if(matches, [&](const Counterpart& m) { return !m.head && same(*m.base, *match.base); });
    if (heads == 0 || (only && (heads > 1 || rivals > 1))) continue;
    const auto found = std::ranges::find_if(fresh, fits);
    match.head = *found;
    fresh.erase(found);
  }
}

// A run that worked before and fails now is a regression; one that was stopped from outside says nothing.
Gauge missing_gauge(const Counterpart& match, const std::vector<const Series*>& fresh) {
  Gauge g;
  g.what = "accuracy";
  g.why = "the head has no such runs";
  for (const Series* head : fresh) {
    if (head->method != match.base->method || head->comparability_key == match.base->comparability_key) continue;
    g.why += fmt::format("; it ran {} under another comparability key: {}", head->name(),
                         comparability_difference(match.base->spec, head->spec));
    break;
  }
  return g;
}

// What a second look denies is no evidence: on the head it is a regression, on the base there is nothing to compare with.
std::optional<Gauge> denied_gauge(const Counterpart& match) {
  for (const Series* side : {match.base, match.head}) {
    for (const auto& [id, runs] : side->runs) {
      if (runs.others.empty() || !runs.others.back().marked()) continue;
      Gauge g;
      g.what = "runs";
      g.n = 1;
      g.verdict = side == match.base ? Verdict::kCannotTell : Verdict::kRegression;
      g.why = fmt::format("seed {}, order seed {} of the {}: {}", id.seed, id.order_seed, side == match.base ? "base" : "head",
                          runs.others.back().look->reason);
      return g;
    }
  }
  return std::nullopt;
}

std::optional<Gauge> failure_gauge(const Counterpart& match) {
  for (const auto& [id, before] : match.base->runs) {
    const auto after = match.head->runs.find(id);
    if (before.ok.empty() || after == match.head->runs.end() || !after->second.ok.empty() || after->second.others.back().marked()) continue;
    const store::AttemptStatus& status = after->second.others.back().status;
    Gauge g;
    g.what = "runs";
    g.n = 1;
    const bool own_fault = status.status == "failed" || status.status == "crashed";
    g.verdict = own_fault ? Verdict::kRegression : Verdict::kCannotTell;
    g.why = fmt::format("seed {}, order seed {} ended well on the base and is {} on the head: {}", id.seed, id.order_seed, status.status,
                        status.reason.empty() ? "no reason is known" : status.reason);
    return g;
  }
  return std::nullopt;
}

bool has_finished(const Series& series) {
  return std::ranges::any_of(series.runs, [](const auto& run) {
    return !run.second.ok.empty() || std::ranges::any_of(run.second.others, &store::RunRow::marked);
  });
}

// Seeds that make no difference where they should.
void note_seeds(const Side& base, const Side& head, std::vector<std::string>& notes) {
  const std::string of_base = equal_seeds_text(base, "the base"), of_head = equal_seeds_text(head, "the head");
  const bool expected = trains(*base.series) || (of_base.empty() && base.series->runs.size() > 1);
  if (trains(*base.series) && !of_base.empty()) notes.push_back(of_base);
  if (expected && !of_head.empty()) notes.push_back(of_head);
}

GatedSeries gate_series(const Selection& base, const Selection& head, const Counterpart& match, size_t shared,
                        const std::vector<const Series*>& fresh, const GateOptions& options) {
  GatedSeries gated{match.base->key(), match.name, setting_name(match.base->spec), match.base->machine_class, {}, {}};
  if (!match.head) {
    gated.gauges.push_back(missing_gauge(match, fresh));
    return gated;
  }
  const Side before{base.store.get(), match.base}, after{head.store.get(), match.head};
  if (!match.changed.empty()) gated.notes.push_back("changed: " + match.changed);
  if (!match.same_machine) gated.notes.push_back("head on another machine class: " + match.head->machine_class);
  gated.gauges.push_back(accuracy_gauge(before, after, match, options));
  if (gated.gauges.back().n == 0 && shared > 0)
    gated.gauges.back().why =
        fmt::format("base and head hold the same {} attempt{} (by UUID), and no pair of their own is left", shared, shared == 1 ? "" : "s");
  if (options.strict) gated.gauges.push_back(repeats_gauge(before, after, match));
  note_seeds(before, after, gated.notes);
  if (const std::string text = load_text(before, after); !text.empty()) gated.notes.push_back(text);
  if (const std::string text = shared_text(shared); !text.empty()) gated.notes.push_back(text);
  if (auto denied = denied_gauge(match)) gated.gauges.push_back(std::move(*denied));
  if (auto failure = failure_gauge(match)) gated.gauges.push_back(std::move(*failure));
  for (Gauge& gauge : cost_gauges(before, after, match, options)) gated.gauges.push_back(std::move(gauge));
  return gated;
}

// Holm over the series, within one kind of question.
void decide(std::vector<GatedSeries>& series) {
  std::map<std::string, std::vector<Gauge*>> families;
  for (GatedSeries& s : series) {
    for (Gauge& gauge : s.gauges) families[gauge.what].push_back(&gauge);
  }
  for (auto& [what, gauges] : families) {
    std::vector<double> p;
    for (const Gauge* gauge : gauges) {
      if (gauge->p) p.push_back(*gauge->p);
    }
    const std::vector<double> adjusted = stats::holm(p);
    size_t next = 0;
    for (Gauge* gauge : gauges) {
      if (gauge->p) gauge->p_holm = adjusted[next++];
      if (what == "accuracy") decide_accuracy(*gauge);
      if (what == "time" || what == "memory" || what == "device memory") decide_cost(*gauge);
    }
  }
}

// The worst answer of all gauges; one that was not gated is no answer. Equal logits everywhere are "unchanged", whatever became faster.
Verdict overall(const std::vector<GatedSeries>& series) {
  std::optional<Verdict> worst;
  bool unchanged = true;
  for (const GatedSeries& s : series) {
    for (const Gauge& gauge : s.gauges) {
      if (gauge.verdict == Verdict::kNotGated) continue;
      worst = std::max(worst.value_or(gauge.verdict), gauge.verdict);
      unchanged = unchanged && (gauge.what != "accuracy" || gauge.verdict == Verdict::kUnchanged);
    }
  }
  if (!worst || *worst >= Verdict::kCannotTell) return worst.value_or(Verdict::kCannotTell);
  return unchanged ? Verdict::kUnchanged : Verdict::kNoRegression;
}

// "; no regression of time (2 of 3 series)"
std::string cost_text(const std::vector<GatedSeries>& series, const std::string& what) {
  size_t gated = 0, of = 0;
  for (const GatedSeries& s : series) {
    for (const Gauge& gauge : s.gauges) {
      of += gauge.what == what;
      gated += gauge.what == what && gauge.verdict != Verdict::kNotGated;
    }
  }
  if (of == 0) return "";
  return gated == 0 ? fmt::format("; {} was not gated", what) : fmt::format("; no regression of {} ({} of {} series)", what, gated, of);
}

std::string conclusion_of(const GateReport& report) {
  std::vector<std::string> named;
  for (const GatedSeries& s : report.series) {
    for (const Gauge& gauge : s.gauges) {
      if (gauge.verdict != report.overall) continue;
      named.push_back(fmt::format("{} of {} on {}{}", gauge.what, s.name, s.setting, named.empty() ? " (" + gauge.why + ")" : ""));
    }
  }
  std::string first =
      fmt::format("{}", fmt::join(named.begin(), named.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(named.size(), 3)), ", "));
  if (named.size() > 3) first += fmt::format(" and {} more", named.size() - 3);
  switch (report.overall) {
    case Verdict::kRegression:
      return "Regression: " + first + ".";
    case Verdict::kCannotTell:
      return named.empty() ? "Cannot tell: base and head have no series in common." : "Cannot tell: " + first + ".";
    default:
      break;
  }
  const auto n = std::ranges::count_if(report.series, [](const GatedSeries& s) { return s.gauges.front().verdict != Verdict::kNotGated; });
  const std::string costs = cost_text(report.series, "time") + cost_text(report.series, "memory") + ".";
  if (report.overall == Verdict::kUnchanged) return fmt::format("Unchanged: {} series give the same logits{}", n, costs);
  return fmt::format("No regression of {} in {} series{}", report.metric, n, costs);
}

}  // namespace

Apart::Apart(const Counterpart& both) : base(*both.base), head(both.head ? *both.head : Series{}), match(both) {
  if (!both.head) return;
  shared = set_apart(base, head);
  match.base = &base;
  match.head = &head;
}

const char* word_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kUnchanged:
      return "unchanged";
    case Verdict::kNoRegression:
      return "no regression";
    case Verdict::kImproved:
      return "improved";
    case Verdict::kNotGated:
      return "not gated";
    case Verdict::kRegression:
      return "regression";
    case Verdict::kCannotTell:
      break;
  }
  return "cannot tell";
}

int GateReport::exit_code() const {
  if (overall == Verdict::kRegression) return static_cast<int>(base::Exit::kFailedRun);
  return static_cast<int>(overall == Verdict::kCannotTell ? base::Exit::kCannotTell : base::Exit::kOk);
}

std::vector<Counterpart> counterparts(const std::vector<Series>& base, const std::vector<Series>& head, std::vector<const Series*>& fresh) {
  std::vector<Counterpart> matches;
  for (const Series& series : base) {
    if (has_finished(series)) matches.push_back({&series, nullptr, true, "", ""});
  }
  for (const Series& series : head) fresh.push_back(&series);
  pair_up(matches, fresh, false, [](const Series& b, const Series& h) { return b.key() == h.key(); });
  pair_up(matches, fresh, false, same_but_machine);
  pair_up(matches, fresh, true, same_entry);
  // What one side ran on several machine classes is gated on one of them.
  auto elsewhere = [&](const Series& series) {
    return std::ranges::any_of(matches, [&](const Counterpart& m) { return m.head && same_but_machine(*m.base, series); });
  };
  std::erase_if(matches, [&](const Counterpart& m) { return !m.head && elsewhere(*m.base); });
  std::erase_if(fresh, [&](const Series* series) { return elsewhere(*series); });
  std::vector<const Series*> named;
  for (const Counterpart& match : matches) named.push_back(match.base);
  const std::vector<std::string> names = ref_names(named);
  for (size_t i = 0; i < matches.size(); ++i) {
    Counterpart& match = matches[i];
    match.name = names[i];
    if (!match.head) continue;
    match.same_machine = match.base->machine_class == match.head->machine_class;
    if (match.base->config_key != match.head->config_key) match.changed = config_difference(match.base->spec, match.head->spec);
  }
  return matches;
}

GateReport gate(const Ref& base, const Ref& head, const GateOptions& options) {
  const Selection before = select(base, Commits::kNewest), after = select(head, Commits::kNewest);
  std::error_code error;
  if (std::filesystem::equivalent(before.ref.file, after.ref.file, error) && before.ref.commit == after.ref.commit)
    throw base::Error(fmt::format("--base and --head are the same runs ({}, commit {}); name another file or another @COMMIT",
                                  before.ref.file.string(), before.ref.commit));
  GateReport report;
  report.base = {before.ref.file.string(), before.ref.commit};
  report.head = {after.ref.file.string(), after.ref.commit};
  report.metric = options.metric;
  const std::vector<Series> of_base = series_of(before.attempts, true), of_head = series_of(after.attempts, true);
  std::vector<const Series*> fresh;
  const std::vector<Counterpart> matches = counterparts(of_base, of_head, fresh);
  if (matches.empty())
    throw base::Error(
        fmt::format("{}: commit {} has no finished run; give --base a file with a baseline", before.ref.file.string(), before.ref.commit));
  const std::vector<store::RunRow> line = before.store->attempts();  // of all commits: step 4
  for (const Counterpart& match : matches) {
    const Apart own(match);
    report.shared += own.shared;
    report.series.push_back(gate_series(before, after, own.match, own.shared, fresh, options));
    if (!match.head) continue;
    const std::string changes = changes_up_to(*before.store, attempts_of(line, match.base->key()), before.ref.commit,
                                              {after.store.get(), own.match.head}, options.metric);
    if (!changes.empty()) report.series.back().notes.push_back(changes);
  }
  for (const Series* series : fresh) {
    Gauge gauge;
    gauge.what = "accuracy";
    gauge.verdict = Verdict::kNotGated;
    gauge.why = "new: the base has no such runs";
    report.series.push_back({series->key(), series->name(), setting_name(series->spec), series->machine_class, {gauge}, {}});
  }
  decide(report.series);
  report.overall = overall(report.series);
  report.conclusion = conclusion_of(report);
  return report;
}

}  // namespace clb::compare
