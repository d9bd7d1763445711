#include "clb/nn/schedule.hpp"

#include <algorithm>
#include <clb/nn/error.hpp>
#include <cmath>
#include <numbers>

namespace clb::nn {
namespace {

double half_cosine(double part) { return (1 + std::cos(std::numbers::pi * part)) / 2; }

// The one list of names; a new schedule is a line here, and a choice of the method that asks for it.
struct NamedSchedule {
  const char* name;
  Schedule (*make)(const ScheduleNumbers& n, double total);
};
constexpr NamedSchedule kSchedules[] = {
    {"constant", [](const ScheduleNumbers& n, double) { return constant_rate(n.lr); }},
    {"linear", [](const ScheduleNumbers& n, double total) { return linear_rate(n.lr, total, n.min_lr); }},
    {"cosine", [](const ScheduleNumbers& n, double total) { return cosine_rate(n.lr, total, n.min_lr); }},
    {"cosine_shifted", [](const ScheduleNumbers& n, double total) { return cosine_shifted_rate(n.lr, total); }},
    {"multistep", [](const ScheduleNumbers& n, double) { return multistep_rate(n.lr, n.milestones, n.gamma); }},
    {"step", [](const ScheduleNumbers& n, double) { return step_rate(n.lr, n.step_every, n.gamma); }},
    {"warmup_cosine", [](const ScheduleNumbers& n, double total) { return warmup_cosine_rate(n.lr, n.warmup, total); }},
    {"timm_cosine", [](const ScheduleNumbers& n, double total) { return timm_cosine_rate(n.lr, n.warmup_lr, n.warmup, total, n.min_lr); }},
    {"coda", [](const ScheduleNumbers& n, double total) { return coda_rate(n.lr, total); }},
};

}  // namespace

Schedule constant_rate(double rate) {
  return [=](double) { return rate; };
}

Schedule linear_rate(double rate, double total, double end) {
  return [=](double t) { return rate + (end - rate) * (total > 0 ? std::min(1.0, t / total) : 1.0); };
}

Schedule cosine_rate(double rate, double total, double end) {
  return [=](double t) { return end + (rate - end) * half_cosine(t / total); };
}

Schedule cosine_shifted_rate(double rate, double total) {
  return [=](double t) { return t < 1 ? rate : rate * half_cosine((t - 1) / total) / half_cosine(1 / total); };
}

Schedule multistep_rate(double rate, std::vector<int64_t> milestones, double gamma) {
  return [=](double t) {
    const auto passed = std::count_if(milestones.begin(), milestones.end(), [t](int64_t m) { return static_cast<double>(m) <= t; });
    return rate * std::pow(gamma, static_cast<double>(passed));
  };
}

Schedule step_rate(double rate, int64_t every, double gamma) {
  if (every < 1) throw Error(ErrorKind::kInvalid, "a rate cannot fall every " + std::to_string(every) + " steps; 1 at least was expected");
  return [=](double t) { return rate * std::pow(gamma, std::floor(t / static_cast<double>(every))); };
}

Schedule warmup_cosine_rate(double rate, double warmup, double total, double end) {
  return [=](double t) {
    if (t < warmup) return rate * std::min(1.0, (t + 1) / warmup);
    return end + (rate - end) * half_cosine((t - warmup) / std::max(1.0, total - warmup));
  };
}

Schedule timm_cosine_rate(double rate, double from, double warmup, double total, double end) {
  return [=](double t) {
    if (t < warmup) return from + (rate - from) * t / warmup;
    return t < total ? end + (rate - end) * half_cosine(t / total) : end;
  };
}

Schedule held_cosine_rate(double rate, double low, double hold, double total) {
  return [=](double t) { return t < hold || t >= total ? low : low + (rate - low) * half_cosine((t - hold) / (total - hold)); };
}

Schedule coda_rate(double rate, double total) {
  return [=](double t) { return rate * std::cos(99 * std::numbers::pi * std::max(0.0, t - 1) / (200 * std::max(1.0, total - 1))); };
}

Schedule one_late(double first, Schedule schedule) {
  return [first, schedule = std::move(schedule)](double t) { return t < 1 ? first : schedule(t - 1); };
}

Schedule in_epochs(Schedule of_updates, int64_t updates) {
  return [=](double epochs) { return of_updates(std::round(epochs * static_cast<double>(updates))); };
}

Schedule schedule_by_name(const std::string& name, const ScheduleNumbers& numbers, double total) {
  std::string names;
  for (const NamedSchedule& one : kSchedules) {
    if (name == one.name) return one.make(numbers, total);
    names += (names.empty() ? "" : ", ") + std::string(one.name);
  }
  throw Error(ErrorKind::kInvalid, "unknown schedule '" + name + "'; expected one of " + names);
}

std::vector<std::string> schedule_names() {
  std::vector<std::string> names;
  for (const NamedSchedule& one : kSchedules) names.emplace_back(one.name);
  return names;
}

}  // namespace clb::nn
