#include "recorder.hpp"

#include <fmt/format.h>

#include <clb/base/plugin_meta.hpp>
#include <clb/launch/human.hpp>
#include <clb/launch/interpreter.hpp>
#include <clb/launch/stop.hpp>
#include <clb/python/header.hpp>
#include <utility>
#include <variant>

#include "build_id.hpp"
#include "machine.hpp"
#include "selection.hpp"

namespace clb::cli {

Accuracy accuracy_so_far(const base::TaskDone& task, const stream::StreamShape& shape) {
  Accuracy sum;
  for (const base::EvalCount& count : task.evals) {
    if (shape.unseen(count.group, task.task)) continue;
    sum.n += count.n;
    sum.correct += count.correct;
  }
  return sum;
}

Recorder::Recorder(store::Store& store, launch::Describer& describer, const std::vector<base::RunSpec>& runs, RecorderOptions options)
    : store_(store),
      describer_(describer),
      runs_(runs),
      options_(std::move(options)),
      records_(runs.size()),
      buffers_(runs.size()),
      last_flush_(std::chrono::steady_clock::now()) {
  common_.runner_hash = describer.runner_hash();
  common_.libtorch = describer.libtorch();
  common_.machine = this_machine();
  common_.build = {kCommit, kVersion, kCompiler};
  common_.command = options_.command;
}

std::string Recorder::label(size_t run) const { return fmt::format("run {} of {}: {}", run + 1, runs_.size(), options_.labels[run]); }

std::string Recorder::dataset_hash(const base::RunSpec& spec) {
  return base::dataset_hash(spec.dataset, [&](const std::string& file) { return describer_.sha256(file); });
}

store::AttemptStart Recorder::attempt_start(const base::RunSpec& spec) {
  store::AttemptStart start = common_;
  start.plugin_hash = describer_.method_hash(spec);
  if (python::is_python(spec.method.file)) start.libtorch = launch::interpreter(launch::find_runner()).torch;
  start.plugin_version = python::read_meta(spec.method.file).version;
  start.dataset_hash = dataset_hash(spec);
  for (const base::DatasetSpec& part : spec.dataset.parts()) {
    if (!start.dataset_version.empty()) start.dataset_version += '+';
    start.dataset_version += base::read_plugin_meta(part.file).version;
  }
  return start;
}

bool Recorder::starting(size_t run, base::RunSpec& spec) {
  RunRecord& record = records_[run];
  record.attempt = options_.resumed[run];
  const bool resumed = record.attempt != 0;
  if (resumed) {
    store_.add_status(record.attempt, {.status = "running", .reason = "resumed", .log_tail = {}, .at = {}});
  } else {
    record.attempt = store_.begin_attempt(spec, attempt_start(spec));
  }
  record.folder = options_.runs_folder / store_.attempt_uuid(record.attempt);
  spec.execution.run_dir = record.folder.string();
  spec.execution.cache_dir = options_.cache;
  spec.execution.method_hash = describer_.method_hash(spec);
  spec.execution.dataset_hash = dataset_hash(spec);
  spec.execution.runner_hash = describer_.runner_hash_of_itself();
  display_.begin(run, label(run), stream::StreamShape(spec).tasks_to_run());
  if (resumed) display_.line(fmt::format("{}: goes on after its checkpoint", label(run)));
  committed();
  return resumed;
}

void Recorder::event(size_t run, const base::Event& event) {
  const int64_t attempt = records_[run].attempt;
  if (const auto* hello = std::get_if<base::Hello>(&event)) store_.add_hello(attempt, *hello);
  if (const auto* targets = std::get_if<base::Targets>(&event)) store_.add_targets(attempt, *targets);
  if (const auto* span = std::get_if<base::Span>(&event)) {
    buffers_[run].spans.push_back(*span);
    records_[run].seconds += span->wall_s;
  }
  if (const auto* metric = std::get_if<base::Metric>(&event)) buffers_[run].metrics.push_back(*metric);
  if (const auto* resource = std::get_if<base::Resource>(&event)) store_.add_resource(attempt, *resource);
  if (const auto* done = std::get_if<base::Done>(&event)) {
    store_.add_resource(attempt, done->resource);
    const auto waited = done->resource.values.find("seconds_waited");
    if (waited != done->resource.values.end()) records_[run].waited_s = waited->second;
  }
  if (const auto* task = std::get_if<base::TaskDone>(&event)) task_done(run, *task);
  if (const auto* progress = std::get_if<base::Progress>(&event)) display_.progress(run, *progress);
  if (const auto* log = std::get_if<base::Log>(&event); log && log->level == "warning") {
    display_.line(fmt::format("{}: warning: {}", label(run), log->text));
  }
}

void Recorder::task_done(size_t run, const base::TaskDone& task) {
  flush(run);
  store_.add_task(records_[run].attempt, task);
  committed();
  const stream::StreamShape shape(runs_[run]);
  const Accuracy seen = accuracy_so_far(task, shape);
  double seconds = 0;
  for (const base::Span& span : task.spans) seconds += span.wall_s;
  records_[run].seconds += seconds;
  const std::string accuracy = seen.n ? fmt::format("accuracy {:.2f} % of {} samples",
                                                    100.0 * static_cast<double>(seen.correct) / static_cast<double>(seen.n), seen.n)
                                      : "not evaluated";
  display_.line(fmt::format("{}: task {}/{} done, {}, {}", label(run), task.task + 1, shape.tasks_to_run(), accuracy,
                            launch::human_seconds(seconds)));
}

void Recorder::looked(size_t run, const base::SecondLook& look) {
  store_.add_second_look(records_[run].attempt, look);
  records_[run].look = look;
  if (look.marks()) display_.line(fmt::format("{}: warning: {}; this row is not ranked", label(run), look.reason));
  if (look.outcome == "not_made") display_.line(fmt::format("{}: no second look was taken: {}", label(run), look.reason));
}

void Recorder::finished(size_t run, const launch::Outcome& outcome) {
  flush(run);
  record_load(run, outcome.resources);
  store_.add_status(records_[run].attempt, {outcome.status, outcome.reason, outcome.log_tail, ""});
  store_.fold_log();  // a copy of the file alone has every run that ended
  committed();
  records_[run].outcome = outcome;
  display_.end(run);
  const RunRecord& record = records_[run];
  const std::string waiting = record.waited_s > 0 && record.seconds > 0
                                  ? fmt::format(", {:.1f} % of it waiting for images", 100 * record.waited_s / record.seconds)
                                  : "";
  const std::string reason = waiting + (outcome.reason.empty() ? "" : ": " + outcome.reason);
  if (!outcome.bad_checkpoint)
    return display_.line(fmt::format("{}: {} after {}{}", label(run), outcome.status, launch::human_seconds(outcome.wall_s), reason));
  // As a new attempt: what this one has reported and what is computed from now on are two computations.
  options_.resumed[run] = 0;
  display_.line(fmt::format("{}: warning{}; this run starts over", label(run), reason));
}

// A run that went on has taken what its earlier starts took, too; where a launcher died with that number, there is none.
void Recorder::record_load(size_t run, std::map<std::string, double> resources) {
  const int64_t attempt = records_[run].attempt;
  const auto own = resources.find("processor_seconds");
  if (own != resources.end() && options_.resumed[run] != 0) {
    const std::map<std::string, double> before = store_.resources(attempt);
    const auto earlier = before.find("processor_seconds");
    if (earlier == before.end()) {
      resources.erase(own);
    } else {
      own->second += earlier->second;
    }
  }
  if (!resources.empty()) store_.add_resource(attempt, {std::move(resources)});
}

void Recorder::spared(size_t run, const launch::Outcome& like) {
  records_[run].outcome.status = "not started";
  records_[run].outcome.reason = like.reason;
}

void Recorder::stopping(int signal) {
  stopped_by_ = signal;
  const std::string how = launch::puts_off(signal)
                              ? fmt::format("{} came, stopping: tasks in work are given up, their runs go on after the task before",
                                            launch::signal_name(signal))
                              : "stopping at a safe point (once more kills the runs)";
  display_.line(how + "; go on later with: " + options_.go_on);
}

void Recorder::tick() {
  display_.tick();
  const auto now = std::chrono::steady_clock::now();
  if (now - last_flush_ < std::chrono::seconds(1)) return;
  last_flush_ = now;
  for (size_t run = 0; run < runs_.size(); ++run) flush(run);
}

void Recorder::committed() const {
  if (options_.committed) options_.committed();
}

void Recorder::flush(size_t run) {
  Buffer buffer = std::exchange(buffers_[run], {});
  if (!buffer.spans.empty()) store_.add_spans(records_[run].attempt, buffer.spans);
  if (!buffer.metrics.empty()) store_.add_metrics(records_[run].attempt, buffer.metrics);
}

}  // namespace clb::cli
