// Runs that differ in nothing but seed, class order and build, and what is read of one of them.
#pragma once

#include <clb/metrics/metric.hpp>
#include <clb/store/store.hpp>
#include <compare>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace clb::compare {

// Which draw of a series a run is: two runs are paired when these are equal.
struct RunId {
  int64_t seed = 0, order_seed = 0;
  std::string order;  // the class order (domain order) itself
  auto operator<=>(const RunId&) const = default;
};

// The attempts at one run, by start. `ok`: those of the plugin and runner of the newest; more than one are repetitions.
struct Repetitions {
  std::vector<store::RunRow> ok;
  std::vector<store::RunRow> others;  // that did not end well, or whose numbers a second look denies: evidence of nothing
};

struct Series {
  std::string comparability_key, method, preset, config_key, precision;
  bool joint = false;
  std::string machine_class;  // "CPU model, N cores, GPU model"; empty when series are not told apart by it
  base::Json spec;            // of its newest attempt
  std::map<RunId, Repetitions> runs;

  // SHA-256 in hex of comparability key + method and config + machine class + precision (+ joint, which a protocol has and a comparability
  // key has not): one line over commits.
  std::string key() const;
  std::string name() const;      // "l2p/small", and what is unusual: "l2p/small bf16 joint"
  bool frozen_features() const;  // predicts from frozen features alone: a capability that the run recorded
  bool repeatable() const;       // the method claims that, or to repeat bit for bit
};

std::vector<const Series*> pointers(const std::vector<Series>& series);

std::vector<Series> series_of(const std::vector<store::RunRow>& attempts, bool by_machine);
std::vector<store::RunRow> attempts_of(const std::vector<store::RunRow>& attempts, const std::string& key);  // of one series, by start

std::string machine_class(const store::Machine& machine);

// Names of the settings in which the series of one method differ, as a ref takes them: "finetune,lr=0.03". One per series.
std::vector<std::string> ref_names(const std::vector<const Series*>& series);
// `value` "neutral": the parameter, which another series of the method `among` these has, is at its neutral value here.
bool matches(const Series& series, const std::string& setting, const std::string& value, const std::vector<Series>& among);

// The value of a metric for an attempt; nullopt where it has none.
std::optional<double> value_of(const store::Store& store, const store::RunRow& attempt, const metrics::Metric& metric);

}  // namespace clb::compare
