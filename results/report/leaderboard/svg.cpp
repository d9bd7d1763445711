#include "svg.hpp"

#include <algorithm>
#include <array>
#include <clb/base/markup.hpp>
#include <clb/base/text.hpp>
#include <cmath>

#include "../model.hpp"

namespace clb::report::svg {
namespace {

constexpr size_t kColours = 8, kDashes = 4;

// A file keeps these colours; the page gives the variables those of its own scheme.
constexpr const char* kStyle =
    ".plot-svg{font:12px system-ui,-apple-system,'Segoe "
    "UI',Roboto,sans-serif;font-variant-numeric:tabular-nums;background:var(--page,#fff)}"
    ".plot-svg text{fill:var(--ink,#1b1f24)}.plot-svg .q{fill:var(--quiet,#586069)}.plot-svg .e{text-anchor:end}.plot-svg "
    ".m{text-anchor:middle}"
    ".plot-svg .g{stroke:var(--line,#e1e4e8)}.plot-svg .a{stroke:var(--quiet,#586069)}.plot-svg "
    "path{fill:none;stroke-width:1.6;stroke-linejoin:round}"
    ".plot-svg .band{stroke:none;opacity:.13}.plot-svg .front{stroke:var(--accent,#0b5cad);stroke-width:1.2}"
    ".plot-svg .heat{fill:var(--accent,#0b5cad)}.plot-svg .bar{stroke:var(--quiet,#586069);stroke-width:1.4}.plot-svg "
    ".dot{fill:var(--ink,#1b1f24)}"
    ".plot-svg .best .bar{stroke:var(--accent,#0b5cad)}.plot-svg .best .dot{fill:var(--accent,#0b5cad)}"
    ".plot-svg .c0{--c:var(--c0,#0b5cad)}.plot-svg .c1{--c:var(--c1,#b84a00)}.plot-svg .c2{--c:var(--c2,#00785a)}.plot-svg "
    ".c3{--c:var(--c3,#a0427a)}"
    ".plot-svg .c4{--c:var(--c4,#7d6608)}.plot-svg .c5{--c:var(--c5,#3a86b8)}.plot-svg .c6{--c:var(--c6,#5a4fb0)}.plot-svg "
    ".c7{--c:var(--c7,#6b7280)}"
    ".plot-svg .s path,.plot-svg .s .p{stroke:var(--c)}.plot-svg .s .p,.plot-svg .s .band{fill:var(--c)}.plot-svg .s .band{stroke:none}"
    ".plot-svg .d1 .l{stroke-dasharray:6 3}.plot-svg .d2 .l{stroke-dasharray:2 3}.plot-svg .d3 .l{stroke-dasharray:8 3 2 3}"
    ".plot-svg.dim .s{opacity:.16}.plot-svg.dim .s.hot{opacity:1}.plot-svg .s.hot .l{stroke-width:3}.plot-svg .s.hot .band{opacity:.28}"
    ".plot-svg.many .band,.plot-svg.many .k{display:none}.plot-svg.many .s.hot .band,.plot-svg.many .s.hot "
    ".k{display:inline}.plot-svg.many .l{stroke-width:1.2}"
    ".plot-svg .named{display:none}.plot-svg .s.hot .named{display:inline}.plot-svg .s.hot text{font-weight:650}.plot-svg .s "
    "text{paint-order:stroke;stroke:var(--page,#fff);stroke-width:3px}";

std::string with_class(std::string_view classes) { return classes.empty() ? "" : " class=\"" + std::string(classes) + "\""; }

std::vector<double> log_ticks(double from, double to, double about) {
  std::vector<double> ticks;
  const bool few = std::log10(to / from) > about / 3;
  for (double decade = std::pow(10, std::floor(std::log10(from))); decade <= to * 1.0001; decade *= 10)
    for (const double digit : {1.0, 2.0, 5.0})
      if ((digit == 1.0 || !few) && decade * digit >= from * 0.9999 && decade * digit <= to * 1.0001) ticks.push_back(decade * digit);
  return ticks;
}

}  // namespace

std::string number(double value) {
  std::string text = fixed(value, 1);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

double Scale::operator()(double value) const {
  const double share = log ? std::log(value / from) / std::log(to / from) : (value - from) / (to - from);
  return begin + share * (end - begin);
}

std::vector<double> Scale::ticks(double about) const {
  if (log) return log_ticks(from, to, about);
  const double rough = (to - from) / about;
  const double decade = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * decade;
  for (const double digit : {5.0, 2.0, 1.0})
    if (digit * decade >= rough) step = digit * decade;
  std::vector<double> ticks;
  for (double tick = std::ceil(from / step - 1e-9) * step; tick <= to + step * 1e-9; tick += step) ticks.push_back(tick);
  return ticks;
}

Scale scale_around(const std::vector<double>& values, double begin, double end, bool may_log) {
  double low = values.front(), high = values.front();
  for (const double value : values) low = std::min(low, value), high = std::max(high, value);
  if (may_log && low > 0 && high > 20 * low) return {low / 1.25, high * 1.25, begin, end, true};
  const double room = high > low ? 0.06 * (high - low) : std::max(std::abs(high) * 0.1, 1e-9);
  return {may_log && low >= 0 ? std::max(0.0, low - room) : low - room, high + room, begin, end, false};
}

std::string text(double x, double y, std::string_view words, std::string_view classes, std::string_view anchor) {
  std::string all(classes);
  if (anchor != "start") all += (all.empty() ? "" : " ") + std::string(anchor == "end" ? "e" : "m");
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\"" + with_class(all) + ">" + base::xml_text(words) + "</text>";
}

std::string line(double x1, double y1, double x2, double y2, std::string_view classes) {
  return "<line x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" + number(x2) + "\" y2=\"" + number(y2) + "\"" +
         with_class(classes) + "/>";
}

std::string path(const std::vector<std::pair<double, double>>& points, std::string_view classes, bool closed) {
  std::string d;
  for (const auto& [x, y] : points) d += (d.empty() ? "M" : "L") + number(x) + " " + number(y);
  return "<path" + with_class(classes) + " d=\"" + d + (closed ? "Z" : "") + "\"/>";
}

std::string mark(double x, double y, size_t look) {
  const std::string at = "transform=\"translate(" + number(x) + " " + number(y) + ")\"";
  constexpr std::array<const char*, 4> kShapes{"M-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0-7.2 0Z", "M0-4.4L4 3.2L-4 3.2Z",
                                               "M-3.2-3.2H3.2V3.2H-3.2Z", "M0-4.6L4.6 0L0 4.6L-4.6 0Z"};
  return "<path class=\"p\" " + at + " d=\"" + kShapes[look / kColours % kShapes.size()] + "\"/>";
}

std::string tip(std::string_view words) { return "<title>" + base::xml_text(words) + "</title>"; }

std::string look(size_t i) { return "s c" + std::to_string(i % kColours) + " d" + std::to_string(i / kColours % kDashes); }

std::string axis_x(const Scale& scale, double y, double top, std::string_view title, std::string_view unit) {
  std::string body = line(scale.begin, y, scale.end, y, "a");
  for (const double tick : scale.ticks((scale.end - scale.begin) / 60)) {
    const double x = scale(tick);
    body += line(x, top, x, y, "g") + text(x, y + 16, axis_text(tick, unit), "q", "middle");
  }
  return body + text((scale.begin + scale.end) / 2, y + 34, title, "q", "middle");
}

std::string axis_y(const Scale& scale, double x, double right, std::string_view title, std::string_view unit) {
  std::string body;
  for (const double tick : scale.ticks(6)) {
    const double y = scale(tick);
    body += line(x, y, right, y, "g") + text(x - 6, y + 4, axis_text(tick, unit), "q", "end");
  }
  return body + text(x - 6, scale.end - 8, title, "q");
}

std::string legend(const std::vector<Entry>& entries, double x, double y) {
  std::string body;
  for (const Entry& entry : entries) {
    body += "<g class=\"" + look(entry.look) + "\" data-row=\"" + base::xml_text(entry.id) + "\">" + tip(entry.label + ", " + entry.value) +
            path({{x, y - 4}, {x + 22, y - 4}}, "l") + mark(x + 11, y - 4, entry.look) +
            text(x + 28, y, shortened(entry.label, 31 - std::min<size_t>(entry.value.size(), 18))) +
            text(x + 242, y, entry.value, "q", "end") + "</g>";
    y += kLegendLine;
  }
  return body;
}

std::string document(double width, double height, const std::string& title, const std::string& body, size_t rows) {
  constexpr size_t kMany = 8;  // more bands and points hide each other: only those of rows that stand out are drawn
  return std::string("<svg class=\"plot-svg") + (rows > kMany ? " many" : "") + "\" viewBox=\"0 0 " + number(width) + " " + number(height) +
         "\" width=\"" + number(width) + "\" height=\"" + number(height) + "\" role=\"img\" aria-label=\"" + base::xml_text(title) +
         "\"><style>" + kStyle + "</style>" + body + "</svg>";
}

// The middle goes: names of rows differ in how they begin and in how they end.
std::string shortened(std::string_view words, size_t columns) {
  const std::string plain = printable(words);
  if (base::display_width(plain) <= columns) return plain;
  size_t tail = plain.size();
  while (tail > 0 && base::display_width(std::string_view(plain).substr(tail)) < columns / 2) {
    --tail;
    while (tail > 0 && (static_cast<unsigned char>(plain[tail]) & 0xc0) == 0x80) --tail;  // a letter begins here
  }
  return base::cut_to_width(plain, columns - columns / 2 - 1) + "…" + plain.substr(tail);
}

}  // namespace clb::report::svg
