// clbench evaluate: the kept state of a run, evaluated once more under another setting, without training.
#include <fmt/format.h>

#include <clb/meta.h>

#include <algorithm>
#include <clb/base/describe.hpp>
#include <clb/base/error.hpp>
#include <clb/base/nearest.hpp>
#include <clb/launch/describe.hpp>
#include <clb/launch/stop.hpp>
#include <cstdio>
#include <functional>
#include <optional>

#include "display.hpp"
#include "execute.hpp"
#include "installation.hpp"
#include "labels.hpp"
#include "say.hpp"
#include "stored_run.hpp"

namespace clb::cli {

namespace fs = std::filesystem;
using base::Json;

namespace {

constexpr VerbText kEvaluate{"evaluate", "RUN", "evaluate the kept state of a run again, without training, under other settings",
                             "clbench evaluate 3f2a91 --set protocol.test_batches=class_sorted"};

constexpr const char* kSettings =
    "protocol.test_batches, protocol.test_batch_size, protocol.kind=task (the oracle: task ids are given) and method.params.NAME";

// The value as JSON, where it is some; else a string.
Json value_of(const std::string& text) {
  const Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? Json(text) : value;
}

using Describe = std::function<base::MethodInfo()>;

void change_param(Json& spec, const std::string& name, const Json& value, const Describe& describe) {
  Json& params = spec.at("method").at("params");
  const base::MethodInfo method = describe();
  const std::vector<base::ParamInfo>& known = method.params;
  if (std::ranges::find(known, name, &base::ParamInfo::name) == known.end()) {
    std::vector<std::string> names;
    for (const base::ParamInfo& param : known) names.push_back(param.name);
    const std::string near = base::nearest(name, names);
    throw base::Error(
        fmt::format("evaluate: the method has no parameter '{}'{}", name, near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
  params[name] = value;
  spec.at("method")["capabilities"] = method.capabilities | base::implied_capabilities(known, params);
  params = base::without_neutral(std::move(params), known);
}

void change(Json& spec, const std::string& setting, const Describe& describe) {
  const size_t equals = setting.find('=');
  if (equals == std::string::npos) throw base::Error(fmt::format("evaluate: --set takes KEY=VALUE, not '{}'", setting));
  const std::string key = setting.substr(0, equals);
  const Json value = value_of(setting.substr(equals + 1));
  constexpr std::string_view kParams = "method.params.";
  if (key.starts_with(kParams)) return change_param(spec, key.substr(kParams.size()), value, describe);
  Json& protocol = spec.at("protocol");
  if (key == "protocol.kind") {
    if (value != "task" || protocol.at("kind") != "class") {
      throw base::Error("evaluate: protocol.kind may only be changed from class to task, which gives the method the task of every sample");
    }
  } else if (key != "protocol.test_batches" && key != "protocol.test_batch_size") {
    throw base::Error(fmt::format("evaluate: {} cannot be changed for a state that is kept; what can: {}", key, kSettings));
  }
  protocol[key.substr(key.find('.') + 1)] = value;
}

// Takes the one event that counts, and shows progress.
class OneEvaluation final : public launch::Observer {
 public:
  OneEvaluation(std::string label, fs::path folder, std::string cache)
      : label_(std::move(label)), folder_(std::move(folder)), cache_(std::move(cache)) {}

  bool starting(size_t, base::RunSpec& spec) override {
    spec.execution.run_dir = folder_.string();
    spec.execution.cache_dir = cache_;
    display_.begin(0, label_, 1);
    return false;
  }
  void event(size_t, const base::Event& event) override {
    if (const auto* task = std::get_if<base::TaskDone>(&event)) result_ = *task;
    if (const auto* progress = std::get_if<base::Progress>(&event)) display_.progress(0, *progress);
    if (const auto* log = std::get_if<base::Log>(&event); log && log->level == "warning") display_.line("warning: " + log->text);
  }
  void looked(size_t, const base::SecondLook& look) override {
    if (look.outcome != "same") display_.line("warning: second look: " + look.reason);
  }
  void finished(size_t, const launch::Outcome& outcome) override {
    outcome_ = outcome;
    display_.end(0);
  }
  void stopping(int) override { display_.line("stopping at a safe point (once more kills the evaluation)"); }
  void tick() override { display_.tick(); }

  const std::optional<base::TaskDone>& result() const { return result_; }
  const launch::Outcome& outcome() const { return outcome_; }

 private:
  std::string label_;
  fs::path folder_;
  std::string cache_;
  Display display_;
  std::optional<base::TaskDone> result_;
  launch::Outcome outcome_;
};

struct Counts {
  int64_t n = 0, correct = 0, within = 0;
  void add(const base::EvalCount& count) {
    n += count.n;
    correct += count.correct;
    within += count.correct_within;
  }
  Json json() const { return {{"n", n}, {"correct", correct}, {"correct_within", within}}; }
};

struct Both {
  Counts before, now;
};

// Of every group, and of all together in the last place.
std::vector<Both> side_by_side(const std::vector<store::EvalRow>& before, const base::TaskDone& now) {
  std::vector<Both> groups;
  Both all;
  for (const base::EvalCount& count : now.evals) {
    Both group;
    group.now.add(count);
    all.now.add(count);
    for (const store::EvalRow& row : before) {
      if (row.after_task != now.task || row.count.group != count.group) continue;
      group.before.add(row.count);
      all.before.add(row.count);
    }
    groups.push_back(group);
  }
  groups.push_back(all);
  return groups;
}

std::string percent(int64_t part, int64_t n) {
  return n == 0 ? "–" : fmt::format("{:.2f}", 100.0 * static_cast<double>(part) / static_cast<double>(n));
}

void print_text(const std::vector<Both>& groups, int64_t changed, int64_t evaluated) {
  fmt::print("{:<24} {:>10} {:>10}\n", "accuracy in %", "recorded", "now");
  for (size_t g = 0; g + 1 < groups.size(); ++g) {
    const auto& [before, now] = groups[g];
    fmt::print("{:<24} {:>10} {:>10}\n", fmt::format("group {}", g + 1), percent(before.correct, before.n), percent(now.correct, now.n));
  }
  const auto& [before, now] = groups.back();
  fmt::print("{:<24} {:>10} {:>10}\n", "all classes seen", percent(before.correct, before.n), percent(now.correct, now.n));
  fmt::print("{:<24} {:>10} {:>10}\n", "within the own task", percent(before.within, before.n), percent(now.within, now.n));
  fmt::print("{} of {} predictions are other ones; nothing was recorded\n", changed, evaluated);
}

void print_json(const store::RunRow& row, const Options& options, const base::TaskDone& task, const std::vector<Both>& groups,
                int64_t changed) {
  Json json{{"run", row.key},
            {"attempt", row.uuid},
            {"after_task", task.task},
            {"settings", options.texts("set")},
            {"logit_hash", task.logit_hash},
            {"changed_predictions", changed},
            {"groups", Json::array()}};
  for (size_t g = 0; g + 1 < groups.size(); ++g)
    json["groups"].push_back({{"group", g}, {"recorded", groups[g].before.json()}, {"now", groups[g].now.json()}});
  json["all"] = {{"recorded", groups.back().before.json()}, {"now", groups.back().now.json()}};
  fmt::print("{}\n", base::pretty(json));
}

void print_result(const store::Store& store, const store::RunRow& row, const Options& options, const base::TaskDone& task) {
  const std::vector<Both> groups = side_by_side(store.evals(row.attempt_id), task);
  const std::vector<int64_t> before = store.prediction(row.attempt_id, task.task);
  int64_t changed = 0, evaluated = 0;
  for (size_t i = 0; i < std::min(before.size(), task.predictions.size()); ++i) {
    evaluated += task.predictions[i] >= 0;
    changed += before[i] != task.predictions[i];
  }
  options.flag("json") ? print_json(row, options, task, groups, changed) : print_text(groups, changed, evaluated);
}

}  // namespace

int verb_evaluate(const Arguments& arguments) {
  Options options(kEvaluate);
  options.add()("set", po::value<std::vector<std::string>>()->value_name("KEY=VALUE"), "what is to differ; may be repeated");
  add_limits(options);
  if (!options.parse(arguments, 1, 1)) return 0;
  const launch::HeldSignals held;
  const fs::path database = options.text("db");
  if (!fs::exists(database)) throw base::Error(fmt::format("{}: there is no such database; --db names another", database.string()));
  const auto store = store::Store::open(database, store::Store::Mode::kRead);
  const store::RunRow row = run_by_key(store, options.words()[0], database);
  const fs::path folder = runs_folder(database) / row.uuid, state = folder / "checkpoint";
  if (row.attempt_id == 0 || !fs::exists(state)) {
    throw base::Error(fmt::format("run {} has no kept state ({} is not there); run.checkpoint = \"last\" keeps it", row.key.substr(0, 12),
                                  state.string()));
  }

  base::RunSpec spec = stored_spec(store, row, installed_plugins(options), database);
  Json changed = spec.to_json();
  const auto cache = cache_folder(options);
  launch::Describer describer(launch::find_runner(), cache);
  for (const std::string& setting : options.texts("set")) change(changed, setting, [&] { return describer.method(spec.method.file); });
  spec = base::RunSpec::from_json(changed, "--set");
  if ((spec.method.capabilities & CLB_CAP_TASK_ID_TEST) && !spec.protocol.can_tell_tasks()) {
    throw base::Error(fmt::format(
        "evaluate: with these settings {} needs the task of every test sample, which protocol.kind = \"{}\" does not "
        "give; {}",
        spec.method.id, spec.protocol.kind, spec.protocol.kind == "class" ? "add --set protocol.kind=task" : "choose another setting"));
  }
  spec.execution.state_file = state.string();
  spec.execution.state_run = row.key;
  OneEvaluation observer("evaluate " + run_labels({spec}).front(), folder / "evaluate", cache ? cache->string() : "");
  const launch::Ended ended = launch::run_all({spec}, schedule_options(options), observer);
  if (ended != launch::Ended::kAll || observer.outcome().status != "ok" || !observer.result()) {
    say(stderr, "clbench: the evaluation did not end well: {}: {}\n", observer.outcome().status, observer.outcome().reason);
    return static_cast<int>(ended == launch::Ended::kPutOff ? base::Exit::kGoOnLater : base::Exit::kFailedRun);
  }
  print_result(store, row, options, *observer.result());
  return 0;
}

}  // namespace clb::cli
