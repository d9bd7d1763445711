// A gate's report as text, JSON, Markdown (for a pull request) and JUnit XML (for a CI server).
#include <fmt/format.h>

#include <algorithm>

#include "columns.hpp"
#include "gate_parts.hpp"

namespace clb::compare {
namespace {

using base::Json;

bool fraction(const Gauge& g) { return g.what == "accuracy"; }

// "62.30 -> 61.10"
std::string values_text(const Gauge& g) {
  if (g.n == 0 || g.what == "runs" || g.what == "repeats") return "–";
  if (fraction(g)) return fmt::format("{:.2f} → {:.2f} %", 100 * g.base, 100 * g.head);
  if (g.what == "time") return fmt::format("{:.2f} → {:.2f} s", g.base, g.head);
  return fmt::format("{:.1f} → {:.1f} MB", g.base / 1e6, g.head / 1e6);
}

std::string title(const GateReport& r) {
  return fmt::format("base {} at {}, head {} at {}, accuracy = {}", r.base.file, r.base.commit, r.head.file, r.head.commit, r.metric);
}

Json gauge_json(const Gauge& g) {
  auto number = [](const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); };
  Json json{{"what", g.what},
            {"verdict", word_of(g.verdict)},
            {"why", g.why},
            {"n", g.n},
            {"units", g.units},
            {"base", g.base},
            {"head", g.head},
            {"change", g.change},
            {"floor", g.floor},
            {"p", number(g.p)},
            {"p_holm", number(g.p_holm)},
            {"interval", nullptr},
            {"flips", nullptr},
            {"over_images", g.over_images}};
  if (g.interval) json["interval"] = {{"low", g.interval->low}, {"high", g.interval->high}};
  if (g.flips)
    json["flips"] = {{"n", g.flips->n},
                     {"changed", g.flips->changed},
                     {"lost", g.flips->only_a},
                     {"gained", g.flips->only_b},
                     {"p", number(g.flips->p)}};
  return json;
}

std::string junit_case(const GatedSeries& s, const Gauge& g) {
  const std::string open =
      fmt::format("    <testcase classname=\"{}\" name=\"{}\"", xml_text(s.name + " on " + s.setting), xml_text(g.what));
  const std::string why = xml_text(fmt::format("{}: {}", word_of(g.verdict), g.why));
  if (g.verdict == Verdict::kRegression) return fmt::format("{}>\n      <failure message=\"{}\"/>\n    </testcase>\n", open, why);
  if (g.verdict == Verdict::kCannotTell) return fmt::format("{}>\n      <error message=\"{}\"/>\n    </testcase>\n", open, why);
  if (g.verdict == Verdict::kNotGated) return fmt::format("{}>\n      <skipped message=\"{}\"/>\n    </testcase>\n", open, why);
  return fmt::format("{}>\n      <system-out>{}</system-out>\n    </testcase>\n", open, why);
}

int64_t count(const GatedSeries& s, Verdict verdict) {
  return std::ranges::count_if(s.gauges, [&](const Gauge& g) { return g.verdict == verdict; });
}

}  // namespace

std::string gate_text(const GateReport& report) {
  std::string text = printable(title(report)) + "\n";
  for (const GatedSeries& s : report.series) {
    text += "\n" + printable(fmt::format("{} on {} ({}), series {}", s.name, s.setting, s.machine, s.key.substr(0, 12))) + "\n";
    for (const Gauge& g : s.gauges) {
      text += printable(fmt::format("  {:<14} {:<14} {}{}", g.what + ":", word_of(g.verdict), values_text(g),
                                    g.why.empty() ? "" : "; " + g.why)) +
              "\n";
    }
    for (const std::string& note : s.notes) text += "  " + printable(note) + "\n";
  }
  return text + "\n" + printable(report.conclusion) + "\n";
}

std::string gate_json(const GateReport& report) {
  Json json{{"version", 2},
            {"base", {{"file", report.base.file}, {"commit", report.base.commit}}},
            {"head", {{"file", report.head.file}, {"commit", report.head.commit}}},
            {"metric", report.metric},
            {"shared_attempts", report.shared},
            {"verdict", word_of(report.overall)},
            {"exit_code", report.exit_code()},
            {"conclusion", report.conclusion},
            {"series", Json::array()}};
  for (const GatedSeries& s : report.series) {
    Json gauges = Json::array();
    for (const Gauge& g : s.gauges) gauges.push_back(gauge_json(g));
    json["series"].push_back(
        {{"key", s.key}, {"name", s.name}, {"setting", s.setting}, {"machine", s.machine}, {"gauges", gauges}, {"notes", s.notes}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string gate_markdown(const GateReport& report) {
  std::string text = fmt::format("### {}\n\n{}\n\n| series | question | answer | base → head | why |\n|---|---|---|---|---|\n",
                                 markdown_text(report.conclusion), markdown_text(title(report)));
  for (const GatedSeries& s : report.series) {
    for (const Gauge& g : s.gauges) {
      const bool bold = g.verdict == Verdict::kRegression || g.verdict == Verdict::kCannotTell;
      text += fmt::format("| {} | {} | {}{}{} | {} | {} |\n", markdown_text(s.name + " on " + s.setting), g.what, bold ? "**" : "",
                          word_of(g.verdict), bold ? "**" : "", values_text(g), markdown_text(g.why));
    }
    for (const std::string& note : s.notes)
      text += fmt::format("| {} | | | | {} |\n", markdown_text(s.name + " on " + s.setting), markdown_text(note));
  }
  return text;
}

std::string gate_junit(const GateReport& report) {
  std::string suites;
  for (const GatedSeries& s : report.series) {
    suites += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n",
                          xml_text(s.name + " on " + s.setting), s.gauges.size(), count(s, Verdict::kRegression),
                          count(s, Verdict::kCannotTell), count(s, Verdict::kNotGated));
    for (const Gauge& g : s.gauges) suites += junit_case(s, g);
    suites += "  </testsuite>\n";
  }
  return fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\">\n{}</testsuites>\n",
                     xml_text("clbench gate: " + report.conclusion), suites);
}

}  // namespace clb::compare
