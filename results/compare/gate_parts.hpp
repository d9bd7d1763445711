// What the files of the gate share.
#pragma once

#include <clb/compare/gate.hpp>
#include <clb/compare/units.hpp>
#include <map>

namespace clb::compare {

// A series of the base and its counterpart in the head.
struct Counterpart {
  const Series *base = nullptr, *head = nullptr;  // head null: missing
  bool same_machine = true;
  std::string changed;  // parameters, when the configurations differ
  std::string name;     // of the base's series, told apart from the others
};
// The same, without what both sides hold.
struct Apart {
  explicit Apart(const Counterpart& both);
  Apart(const Apart&) = delete;
  Series base, head;
  size_t shared = 0;
  Counterpart match;  // points into this
};
// First equal series, then the same configuration on another machine class, then the same method and preset with changed parameters when
// there is but one of it left on each side. `fresh`: series that the base has not.
std::vector<Counterpart> counterparts(const std::vector<Series>& base, const std::vector<Series>& head, std::vector<const Series*>& fresh);

// The gauges. `decide` comes after Holm's adjustment over all series.
Gauge accuracy_gauge(const Side& base, const Side& head, const Counterpart& match, const GateOptions& options);
void measure_units(Gauge& gauge, const Units& changes);  // n, change, interval and p; changes with the sign of a gain
void decide_accuracy(Gauge& gauge);
Gauge repeats_gauge(const Side& base, const Side& head, const Counterpart& match);  // --strict
std::vector<Gauge> cost_gauges(const Side& base, const Side& head, const Counterpart& match, const GateOptions& options);
void decide_cost(Gauge& gauge);
std::string load_text(const Side& base, const Side& head);  // of a machine that others kept busy; else ""

struct PassPair;
Gauge time_gauge(const std::vector<PassPair>& pairs, double floor);

inline constexpr double kAlpha = 0.05;
inline constexpr double kCostAlpha = 0.01;   // of time and memory: see docs/gate.md
inline constexpr double kBusyAlpha = 0.001;  // of time where other processes kept the machine busy
std::string signed_percent(double ratio);    // "+4.2 %"

}  // namespace clb::compare
