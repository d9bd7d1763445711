// What a run cost: time and memory by phase, what the method keeps, what it trained. Read from the runner's records, which an older runner
// may lack: then there is a dash.
#include <clb/meta.h>

#include <algorithm>

#include "formulas.hpp"

namespace clb::metrics {
namespace {

double resource(const Run& run, const std::string& name) {
  const auto found = run.resources.find(name);
  if (found == run.resources.end()) throw Dash{"the run recorded no " + name};
  return found->second;
}

double seconds_in(const Run& run, std::initializer_list<const char*> phases) {
  if (run.seconds == 0 || !run.spans) throw Dash{"the run recorded no times"};
  double sum = 0;
  for (const base::Span& span : run.spans())
    if (std::ranges::find(phases, span.phase) != phases.end()) sum += span.wall_s;
  return sum;
}

// What the cache saved; a run that used it without knowing the cost has no cold-equivalent time.
double cached_seconds(const Run& run) {
  const auto saved = run.resources.find("cached_seconds_saved");
  if (saved != run.resources.end()) return saved->second;
  const auto forwards = run.resources.find("forwards_saved");
  if (forwards != run.resources.end() && forwards->second > 0) throw Dash{"the cost of the cached features is unknown"};
  return 0;
}

// The scalars of this name, one per task; the order is the tasks'.
std::vector<double> per_task(const Run& run, const std::string& name) {
  std::vector<double> values;
  for (const base::Metric& scalar : run.scalars)
    if (scalar.name == name) values.push_back(scalar.value);
  return values;
}

// By claim, or because everything that could be trained was switched off.
bool trains_nothing(const Run& run) {
  if ((run.capabilities & CLB_CAP_STATISTICS_ONLY) != 0) return true;
  const std::vector<double> counts = per_task(run, "trainable_parameters");
  return !counts.empty() && std::ranges::all_of(counts, [](double count) { return count == 0; });
}

}  // namespace

Result time_total(const Run& run) {
  return guarded([&] {
    if (run.seconds == 0) throw Dash{"the run recorded no times"};
    return run.seconds + cached_seconds(run);
  });
}

Result time_train(const Run& run) {
  return guarded([&] { return seconds_in(run, {"create", "begin_task", "train_task", "end_task"}); });
}

Result time_features(const Run& run) {
  return guarded([&] { return seconds_in(run, {"features"}) + cached_seconds(run); });
}

Result time_evaluate(const Run& run) {
  return guarded([&] { return seconds_in(run, {"evaluate"}); });
}

Result time_waited(const Run& run) {
  return guarded([&] {
    if (run.seconds == 0) throw Dash{"the run recorded no times"};
    return resource(run, "seconds_waited") / run.seconds;
  });
}

Result time_processor(const Run& run) {
  return guarded([&] { return resource(run, "processor_seconds"); });
}

Result load_others(const Run& run) {
  return guarded([&] { return resource(run, "others_share"); });
}

Result memory_host(const Run& run) {
  return guarded([&] { return resource(run, "peak_rss_bytes"); });
}

Result memory_host_train(const Run& run) {
  return guarded([&] { return resource(run, "peak_rss_bytes.train_task"); });
}

Result memory_host_features(const Run& run) {
  return guarded([&] { return resource(run, "peak_rss_bytes.features"); });
}

Result memory_host_evaluate(const Run& run) {
  return guarded([&] { return resource(run, "peak_rss_bytes.evaluate"); });
}

Result memory_device(const Run& run) {
  return guarded([&] {
    const double bytes = resource(run, "peak_device_bytes");
    if (bytes == 0) throw Dash{"the run used no device memory"};
    return bytes;
  });
}

Result state_total(const Run& run) {
  return guarded([&] { return resource(run, "state_bytes") + resource(run, "exemplar_bytes"); });
}

Result state_parameters(const Run& run) {
  return guarded([&] {
    const std::vector<double> bytes = per_task(run, "state_parameter_bytes");
    if (bytes.empty()) throw Dash{"the method does not tell parameters from statistics in its state"};
    return bytes.back();
  });
}

Result state_statistics(const Run& run) {
  return guarded([&] {
    const std::vector<double> parameters = per_task(run, "state_parameter_bytes");
    if (parameters.empty()) throw Dash{"the method does not tell parameters from statistics in its state"};
    return resource(run, "state_bytes") - parameters.back();
  });
}

Result state_exemplars(const Run& run) {
  return guarded([&] { return resource(run, "exemplar_bytes"); });
}

Result trainable_parameters(const Run& run) {
  return guarded([&] {
    if (trains_nothing(run)) return 0.0;
    const std::vector<double> counts = per_task(run, "trainable_parameters");
    if (counts.empty()) throw Dash{"the method recorded no trainable parameters"};
    return *std::ranges::max_element(counts);
  });
}

Result updates(const Run& run) {
  return guarded([&] {
    if (trains_nothing(run)) return 0.0;
    const std::vector<double> counts = per_task(run, "updates");
    if (counts.empty()) throw Dash{"the method recorded no updates"};
    double sum = 0;
    for (const double count : counts) sum += count;
    return sum;
  });
}

}  // namespace clb::metrics
