// Learning rates as functions of time. A Trainer asks for the rate of each update; what time is, epochs or updates, is the choice of who
// made the schedule: `total`, `warmup` and the like are in the same unit. A method with a schedule of its own writes a lambda.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace clb::nn {

using Schedule = std::function<double(double t)>;  // t = 0 is the beginning

Schedule constant_rate(double rate);

// rate + (end - rate) min(1, t / total)
Schedule linear_rate(double rate, double total, double end = 0);

// end + (rate - end) (1 + cos(pi t / total)) / 2; torch's CosineAnnealingLR, which rises again beyond the total.
Schedule cosine_rate(double rate, double total, double end = 0);

// rate for t < 1, then rate (1 + cos(pi (t - 1) / total)) / (1 + cos(pi / total)): LayUP's released code, whose counter starts twice.
Schedule cosine_shifted_rate(double rate, double total);

// rate gamma^(number of milestones <= t); torch's MultiStepLR. step_rate: a milestone at every multiple of `every`; torch's StepLR.
Schedule multistep_rate(double rate, std::vector<int64_t> milestones, double gamma);
Schedule step_rate(double rate, int64_t every, double gamma);

// rate (t + 1) / warmup for t < warmup, then end + (rate - end) (1 + cos(pi (t - warmup) / (total - warmup))) / 2; ZSCL.
Schedule warmup_cosine_rate(double rate, double warmup, double total, double end = 0);

// from + (rate - from) t / warmup for t < warmup, then a cosine of the whole time: end + (rate - end) (1 + cos(pi t / total)) / 2, and
// `end` beyond it; timm's CosineLRScheduler.
Schedule timm_cosine_rate(double rate, double from, double warmup, double total, double end = 0);

// `low` for t < hold, then low + (rate - low) (1 + cos(pi (t - hold) / (total - hold))) / 2, and `low` beyond the total; VQ-Prompt.
Schedule held_cosine_rate(double rate, double low, double hold, double total);

// rate cos(99 pi max(0, t - 1) / (200 (total - 1))); CODA-Prompt's released code.
Schedule coda_rate(double rate, double total);

// `first` for t < 1, then what `schedule` says of t - 1: a scheduler of torch that is stepped before the first update.
Schedule one_late(double first, Schedule schedule);

// A schedule of updates for who counts in epochs of so many.
Schedule in_epochs(Schedule of_updates, int64_t updates);

// What makes a schedule by name: see FitOptions, which has these numbers.
struct ScheduleNumbers {
  double lr = 0, min_lr = 0, warmup_lr = 0, warmup = 0, gamma = 0.1;
  std::vector<int64_t> milestones = {};
  int64_t step_every = 1;
};

// Names: constant, linear, cosine, cosine_shifted, multistep, step, warmup_cosine, timm_cosine, coda. Throws Error (invalid) for another.
Schedule schedule_by_name(const std::string& name, const ScheduleNumbers& numbers, double total);
std::vector<std::string> schedule_names();

}  // namespace clb::nn
