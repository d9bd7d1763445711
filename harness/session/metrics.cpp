#include <clb/metrics.h>
#include <string.h>

#include <algorithm>
#include <clb/base/text.hpp>
#include <clb/sdk/error.hpp>
#include <clb/session/metrics.hpp>

namespace clb::session {
namespace {

[[noreturn]] void refuse(const std::string& problem) { throw PluginError(CLB_E_INVALID, problem, "", 0); }

// What tables read comes last in a task, and still finds room.
constexpr size_t kKeptForKnown = 1000;
bool is_known(std::string_view name) {
  static constexpr std::string_view kKnown[] = {CLB_METRIC_TRAINABLE_PARAMETERS, CLB_METRIC_UPDATES, CLB_METRIC_IMAGES_X_EPOCHS,
                                                CLB_METRIC_RELATIVE_CHANGE,      CLB_METRIC_DROPPED, CLB_METRIC_STATE_PARAMETER_BYTES};
  return std::ranges::find(kKnown, name) != std::end(kKnown);
}

void check_name(const char* name) {
  static constexpr std::string_view kHosts[] = {CLB_HOST_METRICS}, kFamilies[] = {CLB_HOST_METRIC_FAMILIES};
  if (name == nullptr) refuse("a metric has no name");
  const std::string_view text(name, strnlen(name, CLB_METRIC_NAME_BYTES + 1));
  if (text.empty() || text.size() > CLB_METRIC_NAME_BYTES)
    refuse("the name of a metric must have 1 to " + std::to_string(CLB_METRIC_NAME_BYTES) + " bytes; it begins with \"" +
           base::printable(text.substr(0, 24)) + "\"");
  if (base::printable(text) != text || text.find_first_of("\"\\") != text.npos)
    refuse("the name \"" + base::printable(text) + "\" of a metric must be UTF-8 without control characters, quotes and backslashes");
  const bool family = std::ranges::any_of(kFamilies, [&](std::string_view begin) { return text.starts_with(begin); });
  if (family || std::ranges::find(kHosts, text) != std::end(kHosts))
    refuse("the metric \"" + std::string(text) + "\" is measured by the host, a method records its own under another name (clb/metrics.h)");
}

}  // namespace

void record_metric(Session& s, const char* name, int64_t step, double value) {
  check_name(name);
  if (s.metrics.size() < CLB_METRICS_PER_TASK + (is_known(name) ? kKeptForKnown : 0))
    s.metrics.push_back({.name = name, .task = s.task, .step = step, .value = value});
  else
    ++s.metrics_left_out;
}

std::vector<base::Metric> take_metrics(Session& s) {
  if (s.metrics_left_out > 0)
    s.warn("the method recorded more metrics in one task than the " + std::to_string(CLB_METRICS_PER_TASK) + " that are kept; " +
           std::to_string(s.metrics_left_out) + " are left out (clb/metrics.h)");
  s.metrics_left_out = 0;
  return std::exchange(s.metrics, {});
}

}  // namespace clb::session
