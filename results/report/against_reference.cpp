#include <algorithm>
#include <cmath>
#include <set>

#include <clb/report/reference.hpp>
#include <clb/stream/shape.hpp>

#include "model.hpp"

namespace clb::report {
namespace {

using base::Json;
using reference::Entry;
using reference::Setting;

std::string alias(const std::map<std::string, std::string>& names, const std::string& digest) {
  const auto found = names.find(digest);
  return found == names.end() ? "" : found->second;
}

std::string order_of(const Json& spec) {
  return reference::canonical_order(text_at(spec, "/protocol/order"), integer_at(spec, "/protocol/order_seed"));
}

std::string data_departure(const Setting& s, const Json& spec, const reference::Aliases& aliases) {
  if (alias(aliases.data, text_at(spec, "/dataset/fingerprint")) != s.data) return "data";
  if (integer_at(spec, "/dataset/train_per_class") != s.train_per_class) return "train_per_class";
  if (integer_at(spec, "/dataset/test_per_class") != s.test_per_class) return "test_per_class";
  const Json weights = spec.value("weights", Json::array());
  if (weights.size() != 1 || alias(aliases.weights, text_at(weights[0], "/sha256")) != s.weights) return "weights";
  return "";
}

// 0 and the number of tasks both mean all of them.
int64_t stop_of(const Json& spec) {
  const auto shape = stream::StreamShape::of_stored(spec);
  return shape.parts_to_run() == shape.parts() ? 0 : shape.parts_to_run();
}

std::string protocol_departure(const Setting& s, const Json& spec) {
  if (text_at(spec, "/protocol/kind") != s.kind) return "kind";
  if (text_at(spec, "/protocol/split") != s.split) return "split";
  if (std::find(s.orders.begin(), s.orders.end(), order_of(spec)) == s.orders.end()) return "order";
  if (stop_of(spec) != s.stop_after) return "stop_after";
  if (flag_at(spec, "/protocol/joint")) return "joint";
  if (text_at(spec, "/protocol/eval_on") != "seen") return "eval_on";
  if (text_at(spec, "/protocol/evaluate_on") != "test") return "evaluate_on";
  if (!s.eval_transform.empty() && text_at(spec, "/protocol/eval_transform/name") != s.eval_transform) return "eval_transform";
  if (!s.test_batches.empty() && text_at(spec, "/protocol/test_batches") != s.test_batches) return "test_batches";
  if (s.test_batch_size != 0 && integer_at(spec, "/protocol/test_batch_size") != s.test_batch_size) return "test_batch_size";
  if (text_at(spec, "/precision") != s.precision) return "precision";
  return "";
}

double value_of(const MeasuredRun& run, const metrics::Metric& metric) {
  const metrics::Result result = metric.compute({.matrix = metrics::matrix_of(run.spec, run.evals)});
  return result.value ? 100 * *result.value : std::nan("");
}

std::string counted(size_t n, size_t of, const std::string& what) {
  return "too few " + what + " (" + std::to_string(n) + " of " + std::to_string(of) + ")";
}

std::string verdict_of(const AgainstReference& c) {
  if (!c.ours) return "not run here";
  std::set<std::string> orders;
  for (const MeasuredRun* run : c.runs) orders.insert(order_of(run->spec));
  if (orders.size() < c.entry.setting.orders.size()) return counted(orders.size(), c.entry.setting.orders.size(), "class orders");
  if (c.ours->n < c.entry.runs) return counted(static_cast<size_t>(c.ours->n), static_cast<size_t>(c.entry.runs), "runs");
  // Values are sums of decimal numbers: what is printed as equal to the tolerance is within it.
  constexpr double kRounding = 1e-9;
  const double beyond = std::abs(c.ours->mean - c.entry.value) - c.entry.tolerance;
  if (beyond <= kRounding) return c.entry.implementation ? "matches reference implementation" : "within tolerance";
  return (c.entry.implementation ? "differs from reference implementation (by " : "outside tolerance (by ") + fixed(beyond, 2) + ")";
}

// The mean over runs; its interval is over class orders where several were run, since those are what was drawn independently.
stats::Summary summary_of(const std::vector<double>& values, const std::vector<const MeasuredRun*>& runs) {
  std::map<std::string, std::vector<double>> orders;
  for (size_t i = 0; i < runs.size(); ++i) orders[order_of(runs[i]->spec)].push_back(values[i]);
  stats::Summary summary = stats::summarise(values);
  if (orders.size() == 1) return summary;
  std::vector<double> means;
  for (const auto& [unused, of_order] : orders) means.push_back(stats::mean(of_order));
  const stats::Summary over_orders = stats::summarise(means);
  const double half = (over_orders.high - over_orders.low) / 2;
  summary.spread = over_orders.spread;
  if (summary.spread == "t95") {
    summary.low = summary.mean - half;
    summary.high = summary.mean + half;
  }
  return summary;
}

AgainstReference compare_one(const Entry& entry, const reference::Aliases& aliases, const std::vector<MeasuredRun>& runs,
                             const Resolve& resolve) {
  AgainstReference comparison{entry, {}, std::nullopt, ""};
  const std::optional<MethodSetting> setting = entry.incomparable.empty() ? resolve(entry) : std::nullopt;
  std::vector<double> values;
  for (const MeasuredRun& run : runs) {
    if (!setting || !departure(entry, *setting, run.spec, aliases).empty()) continue;
    const double value = value_of(run, metrics::find(entry.metric));
    if (std::isnan(value)) continue;
    comparison.runs.push_back(&run);
    values.push_back(value);
  }
  if (!values.empty()) comparison.ours = summary_of(values, comparison.runs);
  comparison.verdict = verdict_of(comparison);
  return comparison;
}

}  // namespace

std::string departure(const Entry& entry, const MethodSetting& setting, const Json& spec, const reference::Aliases& aliases) {
  if (text_at(spec, "/method/id") != entry.method) return "method";
  if (const std::string data = data_departure(entry.setting, spec, aliases); !data.empty()) return data;
  if (const std::string protocol = protocol_departure(entry.setting, spec); !protocol.empty()) return protocol;
  if (spec.value("/method/params"_json_pointer, Json::object()) != setting.params) return "params";
  const std::string& train = setting.train_transform.empty() ? entry.setting.eval_transform : setting.train_transform;
  if (!train.empty() && text_at(spec, "/method/train_transform/name") != train) return "train_transform";
  return "";
}

std::vector<AgainstReference> against_references(const reference::References& references, const std::vector<MeasuredRun>& runs,
                                                 const std::string& method, const Resolve& resolve) {
  std::vector<AgainstReference> comparisons;
  for (const Entry& entry : references.entries) {
    if (method.empty() || entry.method == method) comparisons.push_back(compare_one(entry, references.aliases, runs, resolve));
  }
  return comparisons;
}

}  // namespace clb::report
