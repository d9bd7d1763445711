#include <clb/launch/schedule.hpp>

#include <poll.h>

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/launch/devices.hpp>
#include <clb/launch/interpreter.hpp>
#include <clb/launch/load.hpp>
#include <clb/launch/memory.hpp>
#include <clb/launch/second_look.hpp>
#include <clb/launch/stop.hpp>
#include <cstdlib>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <set>

#include "fork_server.hpp"
#include "orphans.hpp"
#include "signals.hpp"

namespace clb::launch {

namespace fs = std::filesystem;

namespace {

constexpr auto kTick = std::chrono::milliseconds(200);  // limits, memory samples, the display
constexpr size_t kReadAtOnce = 4u << 20;                // so that one chatty runner does not starve the others

// What a run is but for the numbers that are drawn for it.
std::string setting_of(const base::RunSpec& spec) {
  base::Json json = spec.key_json();
  json.erase("seed");
  for (const char* drawn : {"order_seed", "class_order", "domain_order"}) json["protocol"].erase(drawn);
  return base::canonical(json);
}

// A run, and after it the second look at it.
struct Running {
  size_t index;
  base::RunSpec spec;
  fs::path log;
  uint64_t oom_before;
  Watch watch;
  std::unique_ptr<Child> child;
  std::string device;
  LoadMeter load{};
  LastTask last{};
  std::optional<Outcome> outcome{};  // of the run; its second look is on
  int64_t look_count = 0;
  bool looks = false;  // the method's code is at work
  std::optional<base::Look> look{};
};

class Scheduler {
 public:
  Scheduler(const std::vector<base::RunSpec>& runs, const ScheduleOptions& options, Observer& observer)
      : runs_(runs), options_(options), observer_(observer) {}

  Ended loop() {
    while (true) {
      for (const int signal : signals_.stop_requests()) stop(signal);  // also one that came before there was anything to stop
      while (first_ == 0 && something_waits() && running_.size() < options_.jobs) start_or_spare(next());
      if (running_.empty()) break;
      wait();
      const bool tick = Clock::now() >= next_tick_;
      for (auto run = running_.begin(); run != running_.end();) run = serve(*run, tick) ? running_.erase(run) : std::next(run);
      if (tick) {
        observer_.tick();
        next_tick_ = Clock::now() + kTick;
      }
    }
    return ended();
  }

 private:
  bool something_waits() const { return !again_.empty() || next_ < runs_.size(); }

  Ended ended() const {
    if (asked_themselves_ > 0) return Ended::kPutOff;
    if (first_ == 0 || !(something_waits() || unfinished_ > 0)) return Ended::kAll;
    return puts_off(first_) ? Ended::kPutOff : Ended::kStopped;
  }

  size_t next() {
    if (again_.empty()) return next_++;
    const size_t index = again_.back();
    again_.pop_back();
    return index;
  }

  void start_or_spare(size_t index) {
    const auto hopeless = hopeless_.find(setting_of(runs_[index]));
    if (hopeless == hopeless_.end()) return start(index);
    observer_.spared(index, hopeless->second);
  }

  void start(size_t index) {
    base::RunSpec spec = runs_[index];
    const char* command = observer_.starting(index, spec) ? "resume" : "run";
    spec.execution.second_look = options_.second_look;
    const fs::path folder = spec.execution.run_dir, file = folder / "run.json", log = folder / "log.txt";
    try {
      fs::create_directories(folder);
      base::write_file_atomic(file, base::pretty(spec.to_json()) + "\n");
      const std::string device = device_for(spec);
      Spawn what = to_start(runner_for(options_.runner, spec.method.file), {command, file.string()});
      what.environment = surroundings(std::move(what.environment), device);
      auto child = started(std::move(what), log);
      running_.push_back({index, spec, log, oom_kills(), Watch(options_.limits, Clock::now()), std::move(child), device});
    } catch (const std::exception& error) {
      observer_.finished(index, {"failed", error.what(), "", 0, false, false});
    }
  }

  std::unique_ptr<Child> started(Spawn what, const fs::path& log) {
    return std::make_unique<Child>(std::move(what), log, [this](const Spawn& one) { return servers_->spawn(one); });
  }

  std::string device_for(const base::RunSpec& spec) const {
    std::vector<std::string> taken;
    for (const Running& run : running_) taken.push_back(run.device);
    const bool free = spec.device == "auto" || spec.device == "cuda";  // else the experiment says which
    return free ? next_device(options_.devices, taken) : "";
  }

  static std::map<std::string, std::string> surroundings(std::map<std::string, std::string> of_runner, const std::string& device) {
    for (const auto& [name, value] : device_environment(device, std::getenv("CUDA_VISIBLE_DEVICES"))) of_runner[name] = value;
    return of_runner;
  }

  void wait() {
    std::vector<pollfd> descriptors{{signals_.fd(), POLLIN, 0}};
    for (const Running& run : running_) {
      if (run.child->event_fd() >= 0) descriptors.push_back({run.child->event_fd(), POLLIN, 0});
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_tick_ - Clock::now());
    poll(descriptors.data(), descriptors.size(), static_cast<int>(std::max<int64_t>(0, left.count())));
  }

  void stop(int signal) {
    const bool first = first_ == 0, batch = puts_off(signal);
    if (!first && batch && puts_off(first_)) return;  // it says so in several ways; what does not stop is killed in time
    if (first) first_ = signal;
    for (Running& run : running_) {
      if (!first) {
        run.watch.cancel(true);
        run.child->kill_group();
        continue;
      }
      batch ? run.watch.put_off(signal, Clock::now()) : run.watch.cancel(false);
      run.child->ask_to_stop();
    }
    if (first) observer_.stopping(signal);
  }

  // Its second look is taken when it goes on after its last checkpoint.
  bool put_off_look(Running& run) const {
    if (!puts_off(first_) || run.spec.checkpoint != "every") return false;
    run.outcome->status = "cancelled";
    run.outcome->reason = "stopped by " + signal_name(first_) + " before its second look was over";
    return true;
  }

  // True when the run has ended and everything about it was told.
  bool serve(Running& run, bool tick) {
    const bool ended = run.child->ended();  // asked first: what it wrote before its end is in the pipe by now
    const auto take = [&](std::string_view bytes) {
      run.watch.take(bytes, Clock::now(), [&](const base::Event& event) { hear(run, event); });
    };
    const size_t got = run.child->read_events(kReadAtOnce, take);
    if (ended) {
      if (got >= kReadAtOnce) return false;
      return run.outcome ? finish_look(run) : finish(run);
    }
    if (tick) {
      const Action action = run.watch.check(Clock::now(), resident_memory(run.child->pid()));
      if (action == Action::kAskToStop) run.child->ask_to_stop();
      if (action == Action::kKill) run.child->kill_group();
    }
    return false;
  }

  void hear(Running& run, const base::Event& event) {
    if (const auto* task = std::get_if<base::TaskDone>(&event)) note(*task, run.last);
    if (const auto* done = std::get_if<base::Done>(&event); done && !run.outcome) note(*done, run.last);
    if (const auto* look = std::get_if<base::Look>(&event)) run.look = *look;
    if (const auto* progress = std::get_if<base::Progress>(&event); progress && run.outcome) run.looks |= progress->phase == base::kLooks;
    // Of the looking process nothing else is the run's.
    if (!run.outcome || std::holds_alternative<base::Progress>(event)) observer_.event(run.index, event);
  }

  Outcome outcome_of(const Running& run) const {
    const std::string tail = log_tail(run.log);
    const std::string last_line = tail.substr(tail.rfind('\n') + 1);
    Outcome outcome = judge(run.watch.facts(run.child->exit(), oom_kills() > run.oom_before, last_line));
    outcome.wall_s = run.watch.seconds(Clock::now());
    if (outcome.status != "ok") outcome.log_tail = tail;
    return outcome;
  }

  // These return true when everything about the run was told.
  bool finish(Running& run) {
    run.outcome = outcome_of(run);
    run.outcome->resources = run.load.resources(run.child->exit().processor_s);
    run.outcome->resources["processor_seconds"] = run.child->exit().processor_s;
    std::set<pid_t> known = servers_->pids();
    for (const Running& other : running_)
      if (&other != &run) known.insert(other.child->pid());
    orphans_.end(known);
    if (run.outcome->status == "ok" && options_.second_look && !put_off_look(run) && start_look(run)) return false;
    return tell(run);
  }

  // False: it cannot be made, which has been told.
  bool start_look(Running& run) {
    try {
      if (first_ != 0) throw base::Error("stopped on request");
      run.look_count = look_size(run.last, run.outcome->wall_s);
      const int64_t taken = look_size(run.last, run.outcome->wall_s, FeaturesAre::kTaken);
      const fs::path folder = make_look_folder(run.spec, run.last, {run.look_count, taken, proven_features_});
      run.log = fs::path(run.spec.execution.run_dir) / "look.txt";
      run.oom_before = oom_kills();
      run.watch = Watch(look_limits(options_.limits, run.last), Clock::now());
      const RunnerPlace runner = runner_for(options_.runner, run.spec.method.file);
      Spawn what = to_start(runner, {"look", (folder / "request.json").string()});
      what.environment = surroundings(look_environment(runner, folder), run.device);
      what.only_environment = true;
      what.folder = folder / "home";
      run.child = started(std::move(what), run.log);
      return true;
    } catch (const std::exception& error) {
      observer_.looked(run.index, {.outcome = "not_made", .reason = error.what()});
      return false;
    }
  }

  bool finish_look(Running& run) {
    const Outcome ended = outcome_of(run);
    if (ended.status != "ok" && put_off_look(run)) return tell(run);
    const std::string phase = run.looks ? run.watch.phase() : base::kLookPrepares;
    if (ended.status == "ok" && run.look) proven_features_.insert(run.look->proven.begin(), run.look->proven.end());
    observer_.looked(run.index, judge_look(ended, phase, run.look, run.last, run.spec.precision, run.look_count));
    return tell(run);
  }

  bool tell(Running& run) {
    remove_look_folder(run.spec);
    asked_themselves_ += run.outcome->asked_itself;
    unfinished_ += first_ != 0 && run.outcome->status != "ok";
    if (run.outcome->of_setting) hopeless_.emplace(setting_of(runs_[run.index]), *run.outcome);
    observer_.finished(run.index, *run.outcome);
    if (run.outcome->bad_checkpoint && started_over_.insert(run.index).second) again_.push_back(run.index);
    return true;
  }

  const std::vector<base::RunSpec>& runs_;
  const ScheduleOptions& options_;
  Observer& observer_;
  Signals signals_;
  Orphans orphans_;
  std::shared_ptr<ForkServers> servers_ = options_.servers ? options_.servers : std::make_shared<ForkServers>();
  std::list<Running> running_;
  std::map<std::string, Outcome> hopeless_;  // by setting
  std::set<std::string> proven_features_;    // segments of the cache (second_look.hpp)
  size_t next_ = 0;
  std::vector<size_t> again_;      // runs whose checkpoint could not be taken up: they start over
  std::set<size_t> started_over_;  // each once
  int first_ = 0;                  // request to stop: its signal
  size_t unfinished_ = 0, asked_themselves_ = 0;
  Clock::time_point next_tick_ = Clock::now();
};

}  // namespace

Ended run_all(const std::vector<base::RunSpec>& runs, const ScheduleOptions& options, Observer& observer) {
  return Scheduler(runs, options, observer).loop();
}

}  // namespace clb::launch
