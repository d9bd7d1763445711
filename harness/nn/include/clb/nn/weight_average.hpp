// Averages of a module's numbers over the updates of its training: the moving one (LAE's offline expert, mean teachers) and the plain mean
// of snapshots (ZSCL's weight ensemble, SWA). Whoever keeps one calls it from FitExtras::after_update.
#pragma once

#include <clb/nn/module.hpp>

namespace clb::nn {

// average <- decay * average + (1 - decay) * module, tensor by tensor; decay 0 copies. Whether the average is trained stays as it is.
// Throws Error (internal) unless both have the same parameters.
void update_average(Module& average, Module& module, double decay);

// The mean of `count` snapshots (the start of a task may be the first) becomes that of one more: mean <- (mean * count + module) / (count +
// 1).
inline void add_to_mean(Module& mean, Module& module, int64_t count) {
  update_average(mean, module, static_cast<double>(count) / static_cast<double>(count + 1));
}

}  // namespace clb::nn
