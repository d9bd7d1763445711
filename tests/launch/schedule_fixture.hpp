// run_all with the fake runner: runs that misbehave on demand, and what the observer hears of them.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <clb/base/file.hpp>
#include <clb/launch/schedule.hpp>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace clb::launch {

namespace fs = std::filesystem;
using clb::testing::contains;
using clb::testing::TempFolder;

inline base::RunSpec spec(const std::string& behave, double pace = 0, int at = 2) {
  base::RunSpec spec;
  spec.method.id = "fake";
  spec.method.params = {{"behave", behave}, {"at", at}, {"pace", pace}};
  spec.dataset.class_count = 10;
  spec.protocol.class_order = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  spec.protocol.task_sizes = {2, 2, 2, 2, 2};
  spec.threads = 1;
  return spec;
}

class Log final : public Observer {
 public:
  explicit Log(const fs::path& folder) : folder_(folder) {}
  bool starting(size_t run, base::RunSpec& spec) override {
    spec.execution.run_dir = (folder_ / std::to_string(run)).string();
    outcomes.resize(std::max(outcomes.size(), run + 1));
    order.push_back("start " + std::to_string(run));
    most_at_once = std::max(most_at_once, ++at_once);
    return false;
  }
  void event(size_t, const base::Event& event) override {
    tasks += std::holds_alternative<base::TaskDone>(event);
    if (on_event) on_event(event);
  }
  void looked(size_t run, const base::SecondLook& look) override {
    looks.resize(std::max(looks.size(), run + 1));
    looks[run] = look;
    order.push_back("look " + std::to_string(run));
  }
  void finished(size_t run, const Outcome& outcome) override {
    outcomes[run] = outcome;
    order.push_back("end " + std::to_string(run));
    --at_once;
  }
  void stopping(int) override { ++stops; }
  void tick() override {}

  std::vector<Outcome> outcomes;
  std::vector<base::SecondLook> looks;
  std::vector<std::string> order;
  std::function<void(const base::Event&)> on_event;
  int at_once = 0, most_at_once = 0, tasks = 0, stops = 0;

 private:
  fs::path folder_;
};

class Schedule : public ::testing::Test {
 protected:
  bool run(const std::vector<base::RunSpec>& specs) {
    log_.outcomes.clear();
    ended_ = run_all(specs, options_, log_);
    return ended_ == Ended::kAll;
  }
  std::string one(const std::string& behave, int at = 2) {
    run({spec(behave, 0, at)});
    return log_.outcomes[0].status + ": " + log_.outcomes[0].reason;
  }

  TempFolder folder_;
  Ended ended_ = Ended::kAll;
  Log log_{folder_.path()};
  ScheduleOptions options_{
      .runner = {CLB_FAKE_RUNNER, ""}, .jobs = 1, .limits = {.wall_s = 60, .silence_s = 20, .memory_bytes = 1'000'000'000, .grace_s = 0.3}};
};

}  // namespace clb::launch
