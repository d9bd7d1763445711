// Class-incremental accuracy falls apart into two factors: is the sample's task found, and is it right within the task (acc.within_task)?
#include <clb/base/error.hpp>
#include <map>

#include "formulas.hpp"

namespace clb::metrics {
namespace {

std::map<int64_t, int64_t> task_of_class(const std::vector<std::vector<int64_t>>& classes) {
  std::map<int64_t, int64_t> tasks;
  for (size_t t = 0; t < classes.size(); ++t) {
    for (const int64_t c : classes[t])
      if (!tasks.emplace(c, static_cast<int64_t>(t)).second) throw Dash{"its tasks share their classes"};
  }
  return tasks;
}

Predicted stored(const Run& run) {
  if (!run.predicted) throw Dash{"no predictions are stored"};
  try {
    return run.predicted();
  } catch (const base::Error& error) {  // none, or damaged
    throw Dash{error.what()};
  }
}

}  // namespace

Result task_identification(const Run& run) {
  return guarded([&] {
    if (run.matrix.joint()) throw Dash{"a joint run has one stage"};
    const Predicted p = stored(run);
    if (p.predictions.size() != p.labels.size()) throw Dash{"its predictions and labels differ in number"};
    const auto tasks = task_of_class(p.classes);
    int64_t n = 0, found = 0;
    for (size_t i = 0; i < p.labels.size(); ++i) {
      if (p.predictions[i] < 0) continue;
      const auto truth = tasks.find(p.labels[i]), guess = tasks.find(p.predictions[i]);
      if (truth == tasks.end() || guess == tasks.end()) continue;
      ++n;
      found += truth->second == guess->second;
    }
    if (n == 0) throw Dash{"no sample was evaluated"};
    return static_cast<double>(found) / static_cast<double>(n);
  });
}

}  // namespace clb::metrics
