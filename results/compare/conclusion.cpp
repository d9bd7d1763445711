#include "conclusion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace clb::compare {
namespace {

std::string size_of(double fraction) { return fmt::format("{:.2f} points", 100 * std::abs(fraction)); }

std::string interval_text(const stats::Interval& i) { return fmt::format("95 % interval {} to {}", points(i.low), points(i.high)); }

// What a sign-flip p can at least be: 2 of 2^n patterns.
std::string sign_flip_text(const Difference& d) {
  const double least = std::pow(2.0, 1.0 - static_cast<double>(d.units.values.size()));
  const bool coarse = least > 0.05 && d.sign_flip->p <= least;
  return fmt::format("sign-flip p {}{}", p_value(d.sign_flip->p), coarse ? ", the least that so few can give" : "");
}

std::string one(const Comparison& c, const Matched& m) {
  const Difference& d = m.deciding();
  const std::string a = side_names(c, m, true), b = side_names(c, m, false), n = d.units.text();
  switch (m.finding) {
    case Finding::kSame:
      return fmt::format("On {}, {} and {} made the same predictions ({}).", m.setting, a, b, n);
    case Finding::kCannotTell:
      if (d.a.empty()) return fmt::format("Cannot tell which is better on {}: no pair of runs has a value of {}.", m.setting, d.metric->id);
      return fmt::format("Cannot tell which is better on {}: {}, and {} that differ are needed ({} of A is {} {} that of B so far).",
                         m.setting, n, kFewestPairs, d.metric->id, size_of(d.mean), d.mean < 0 ? "below" : "above");
    case Finding::kNotApart:
      return fmt::format("On {}, {} and {} cannot be told apart: {} differs by {} ({}, {}, {}).", m.setting, a, b, d.metric->id,
                         points(d.mean), interval_text(*d.interval), n, sign_flip_text(d));
    case Finding::kABetter:
    case Finding::kBBetter:
      break;
  }
  const bool first = m.finding == Finding::kABetter;
  const stats::Interval seen = first ? *d.interval : stats::Interval{-d.interval->high, -d.interval->low};  // of the better minus the other
  return fmt::format("On {}, {} is better than {}: {} is {} {} ({}, {}, {}).", m.setting, first ? a : b, first ? b : a, d.metric->id,
                     size_of(d.mean), (d.mean > 0) == first ? "higher" : "lower", interval_text(seen), n, sign_flip_text(d));
}

std::string several(const Comparison& c) {
  auto count = [&](Finding f) { return std::ranges::count_if(c.matched, [&](const Matched& m) { return m.finding == f; }); };
  std::string text =
      fmt::format("Of {} settings A is better on {}, B on {}; {} cannot be told apart, {} made the same predictions, {} have too few runs",
                  c.matched.size(), count(Finding::kABetter), count(Finding::kBBetter), count(Finding::kNotApart), count(Finding::kSame),
                  count(Finding::kCannotTell));
  if (c.overall)
    text += fmt::format("; over {} settings the mean of {} differs by {} ({})", c.overall->settings,
                        c.matched.front().deciding().metric->id, points(c.overall->mean), interval_text(c.overall->interval));
  return text + ".";
}

}  // namespace

std::string points(double fraction) {
  const std::string text = fmt::format("{:+.2f}", 100 * fraction);
  return text == "-0.00" || text == "+0.00" ? "0.00" : text;
}

std::string p_value(double p) { return p < 0.001 ? "< 0.001" : fmt::format("{:.3f}", p); }

std::string side_names(const Comparison& c, const Matched& m, bool a) {
  const std::string& own = a ? m.a_name : m.b_name;
  if (m.a_name != m.b_name) return own;
  const Ref& ref = a ? c.a : c.b;
  return fmt::format("{} of {} ({})", own, a ? "A" : "B", ref.text);
}

std::string conclusion(const Comparison& c) { return c.matched.size() == 1 ? one(c, c.matched.front()) : several(c); }

}  // namespace clb::compare
