// The comparison with reported numbers in the four formats.
#include <clb/report/reference.hpp>

#include "model.hpp"

namespace clb::report {
namespace {

using base::Json;
using reference::Entry;

std::string setting_text(const reference::Setting& s) {
  std::string text = s.data;
  if (s.train_per_class > 0) text += ", first " + std::to_string(s.train_per_class) + " training images per class";
  if (s.test_per_class > 0) text += ", first " + std::to_string(s.test_per_class) + " test images per class";
  text += ", " + s.split;
  if (s.stop_after > 0) text += ", first " + std::to_string(s.stop_after) + " tasks";
  return text + ", " + s.weights;
}

// The cell of the normal table takes fractions.
std::string ours_text(const AgainstReference& c) {
  if (!c.ours) return "–";
  stats::Summary fraction = *c.ours;
  for (double* value : {&fraction.mean, &fraction.low, &fraction.high}) *value /= 100;
  return cell_text({fraction, "", "fraction"}, fraction.spread == "t95" ? "±" : "");
}

std::string difference_text(const AgainstReference& c) {
  if (!c.ours) return "–";
  const double difference = c.ours->mean - c.entry.value;
  const std::string text = fixed(difference, 2);
  return text[0] == '-' ? text : "+" + text;
}

std::string verdict_text(const AgainstReference& c) {
  return c.entry.incomparable.empty() ? c.verdict : c.verdict + " (" + c.entry.incomparable + ")";
}

const std::vector<std::string> kHead = {"reported as", "setting", "metric", "reported", "here", "difference", "verdict"};
constexpr const char* kLegendReference =
    "reported: % and tolerance in points; here: mean in % (runs), ± half of Student's 95 % t interval over them from 3 runs on (over class "
    "orders where several were run), [lowest, highest] below; runs count only when data, protocol, weights, transforms, precision and all "
    "parameters are the same";

std::vector<std::string> line_of(const AgainstReference& c) {
  const Entry& e = c.entry;
  return {e.label,      setting_text(e.setting), e.metric,       fixed(e.value, 2) + " ± " + shortest(e.tolerance),
          ours_text(c), difference_text(c),      verdict_text(c)};
}

// Comparisons come file by file: a block for each citation.
template <class Start, class Line>
void by_source(const std::vector<AgainstReference>& comparisons, Start start, Line line) {
  std::string last;
  for (const AgainstReference& c : comparisons) {
    const std::string head = c.entry.citation + " (" + c.entry.sure + ")";
    if (head != last) start(head);
    last = head;
    line(c);
  }
}

std::string text_table(const std::vector<AgainstReference>& comparisons) {
  std::string text;
  by_source(
      comparisons, [&](const std::string& head) { text += (text.empty() ? "" : "\n") + printable(head) + "\n"; },
      [&](const AgainstReference& c) {
        const std::vector<std::string> l = line_of(c);
        text += "  " + printable(l[0]) + ", " + printable(l[1]) + "\n    " + l[2] + "  reported " + l[3] + "  here " + l[4] +
                "  difference " + l[5] + "  " + l[6] + "\n";
      });
  return text + "\n" + kLegendReference + "\n";
}

std::string markdown_table(const std::vector<AgainstReference>& comparisons) {
  std::string text;
  by_source(
      comparisons,
      [&](const std::string& head) {
        text += (text.empty() ? "" : "\n") + markdown_text(head) + "\n\n" + markdown_row(kHead) +
                markdown_row({"---", "---", "---", "---:", "---:", "---:", "---"});
      },
      [&](const AgainstReference& c) {
        std::vector<std::string> cells = line_of(c);
        for (std::string& cell : cells) cell = markdown_text(cell);
        text += markdown_row(cells);
      });
  return text + "\n" + markdown_text(kLegendReference) + "\n";
}

std::string csv_table(const std::vector<AgainstReference>& comparisons) {
  std::string text =
      csv_line({"file",     "line",      "citation", "sure", "method", "label", "data",   "weights",    "split",   "stop_after", "metric",
                "reported", "tolerance", "mean",     "n",    "low",    "high",  "spread", "difference", "verdict", "note"});
  for (const AgainstReference& c : comparisons) {
    const Entry& e = c.entry;
    const auto number = [&](double value) { return c.ours ? shortest(value) : ""; };
    const stats::Summary s = c.ours.value_or(stats::Summary{});
    text += csv_line({e.file,
                      std::to_string(e.place.line),
                      e.citation,
                      e.sure,
                      e.method,
                      e.label,
                      e.setting.data,
                      e.setting.weights,
                      e.setting.split,
                      std::to_string(e.setting.stop_after),
                      e.metric,
                      shortest(e.value),
                      shortest(e.tolerance),
                      number(s.mean),
                      std::to_string(s.n),
                      number(s.low),
                      number(s.high),
                      s.spread,
                      number(s.mean - e.value),
                      c.verdict,
                      e.incomparable});
  }
  return text;
}

Json ours_json(const AgainstReference& c) {
  if (!c.ours) return nullptr;
  Json runs = Json::array();
  for (const MeasuredRun* run : c.runs)
    runs.push_back({{"key", run->key}, {"commit", run->commit}, {"machine", run->machine}, {"logit_hash", run->logit_hash}});
  return {{"mean", c.ours->mean},   {"n", c.ours->n},           {"low", c.ours->low},
          {"high", c.ours->high},   {"spread", c.ours->spread}, {"difference", c.ours->mean - c.entry.value},
          {"runs", std::move(runs)}};
}

std::string json_table(const std::vector<AgainstReference>& comparisons) {
  Json json{{"version", 1}, {"unit", "%"}, {"comparisons", Json::array()}};
  for (const AgainstReference& c : comparisons) {
    const Entry& e = c.entry;
    const reference::Setting& s = e.setting;
    json["comparisons"].push_back({{"file", e.file},
                                   {"line", e.place.line},
                                   {"citation", e.citation},
                                   {"sure", e.sure},
                                   {"reference_implementation", e.implementation},
                                   {"label", e.label},
                                   {"method", e.method},
                                   {"preset", e.preset},
                                   {"setting",
                                    {{"data", s.data},
                                     {"weights", s.weights},
                                     {"kind", s.kind},
                                     {"split", s.split},
                                     {"orders", s.orders},
                                     {"eval_transform", s.eval_transform},
                                     {"precision", s.precision},
                                     {"stop_after", s.stop_after},
                                     {"train_per_class", s.train_per_class},
                                     {"test_per_class", s.test_per_class}}},
                                   {"metric", e.metric},
                                   {"reported", e.value},
                                   {"tolerance", e.tolerance},
                                   {"here", ours_json(c)},
                                   {"verdict", c.verdict},
                                   {"incomparable", e.incomparable}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string render_comparison(const std::vector<AgainstReference>& comparisons, Format format) {
  if (format == Format::kCsv) return csv_table(comparisons);
  if (format == Format::kJson) return json_table(comparisons);
  if (comparisons.empty()) return "no published number of this method is recorded\n";
  return format == Format::kMarkdown ? markdown_table(comparisons) : text_table(comparisons);
}

}  // namespace clb::report
