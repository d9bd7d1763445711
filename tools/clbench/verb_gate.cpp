// clbench gate: did results, speed or memory change from one build to the next.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <clb/base/error.hpp>
#include <clb/compare/gate.hpp>

#include "options.hpp"

namespace clb::cli {

namespace {

using compare::GateReport;

constexpr VerbText kGate{
    "gate", "",
    "did results, speed or memory change from base to head: yes, no, cannot tell\n\n"
    "REF is FILE[@COMMIT]; without a commit the newest in the file. Stored runs are read, none is started.\n"
    "Seeds decide (class orders, where several were run); flipped predictions are told. Time is gated on whole passes\n"
    "of the suite by base and head in turn. Attempts that both files hold are left out.\n"
    "Exit code: 0 no regression, 1 regression, 4 cannot tell. docs/gate.md explains the steps",
    "clbench gate --base main.sqlite --head clbench.sqlite"};

// A positive number of points or percent as a fraction.
std::optional<double> fraction(const Options& options, const char* name) {
  if (!options.flag(name)) return std::nullopt;
  const std::string given = options.text(name);
  double value = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
  if (error != std::errc() || end != given.data() + given.size() || !(value > 0 && value <= 100))
    throw base::Error(fmt::format("gate: --{} takes a number above 0 and up to 100, not '{}'", name, given));
  return value / 100;
}

std::string gate_format(const Options& options) {
  const std::string format = options.flag("json") ? "json" : options.text("format");
  if (format == "text" || format == "json" || format == "markdown" || format == "junit") return format;
  throw base::Error(fmt::format("gate: there is no format '{}'; it is text, json, markdown or junit", format));
}

std::string render(const GateReport& report, const std::string& format) {
  if (format == "json") return gate_json(report);
  if (format == "markdown") return gate_markdown(report);
  return format == "junit" ? gate_junit(report) : gate_text(report);
}

int plan(const compare::Ref& base, const std::optional<compare::Ref>& head, const compare::GateOptions& gate, const std::string& format) {
  if (format != "text" && format != "json") throw base::Error(fmt::format("gate: --plan prints text or json, not {}", format));
  const auto plan = compare::plan_gate(base, head, gate);
  fmt::print("{}", format == "json" ? plan_json(plan) : plan_text(plan));
  const bool open = plan.empty() || std::any_of(plan.begin(), plan.end(), [](const auto& series) { return !series.needed; });
  return static_cast<int>(open ? base::Exit::kCannotTell : base::Exit::kOk);
}

}  // namespace

int verb_gate(const Arguments& arguments) {
  Options options(kGate);
  options.add()("base", po::value<std::string>()->value_name("REF"), "what was");
  options.add()("head", po::value<std::string>()->value_name("REF"), "what is to be judged");
  options.add()("plan", "print the seeds and minutes that the gate needs, from the spread and times of --base (and --head)");
  options.add()("metric", po::value<std::string>()->value_name("ID")->default_value("acc.last.sample"), "accuracy that is gated");
  options.add()("floor", po::value<std::string>()->value_name("POINTS"),
                "accuracy: smaller changes do not matter; default 0.1 for methods on frozen features, 1.0 for trained ones");
  options.add()("cost-floor", po::value<std::string>()->value_name("PERCENT")->default_value("5"), "the same for time and memory");
  options.add()("no-time", "do not gate time");
  options.add()("wall-time", "gate the clock's time in place of processor time");
  options.add()("strict", "any flipped prediction of a method that claims to repeat bit for bit is a regression");
  options.add()("format", po::value<std::string>()->value_name("FORMAT")->default_value("text"), "text, json, markdown or junit");
  options.add_json();
  if (!options.parse(arguments, 0, 0)) return 0;
  const std::string format = gate_format(options);
  if (!options.flag("base")) throw base::Error("gate: --base FILE[@COMMIT] is missing; it names the runs to compare with");
  if (!options.flag("head") && !options.flag("plan"))
    throw base::Error("gate: --head FILE[@COMMIT] is missing; it names the runs to judge");
  if (options.flag("no-time") && options.flag("wall-time"))
    throw base::Error("gate: --no-time and --wall-time contradict each other; give one");
  const compare::Time time = options.flag("no-time")     ? compare::Time::kOff
                             : options.flag("wall-time") ? compare::Time::kClock
                                                         : compare::Time::kProcessor;
  compare::GateOptions gate{options.text("metric"), fraction(options, "floor"), *fraction(options, "cost-floor"), time,
                            options.flag("strict")};
  const compare::Ref base = compare::parse_file_ref(options.text("base"));
  std::optional<compare::Ref> head;
  if (options.flag("head")) head = compare::parse_file_ref(options.text("head"));
  if (options.flag("plan")) return plan(base, head, gate, format);
  const GateReport report = compare::gate(base, *head, gate);
  fmt::print("{}", render(report, format));
  return report.exit_code();
}

}  // namespace clb::cli
