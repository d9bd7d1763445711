#include <clb/metrics.h>

#include <unistd.h>

#include <clb/base/cache.hpp>
#include <clb/base/error.hpp>
#include <clb/base/paths.hpp>
#include <clb/base/sha256.hpp>
#include <clb/loader/plugin_file.hpp>
#include <clb/nn/cpu_kernels.hpp>
#include <clb/session/checkpoint.hpp>
#include <clb/session/early_features.hpp>
#include <clb/session/evaluate.hpp>
#include <clb/session/failure.hpp>
#include <clb/session/learner.hpp>
#include <clb/session/memory.hpp>
#include <clb/session/metrics.hpp>
#include <clb/session/python.hpp>
#include <clb/session/run.hpp>
#include <optional>

namespace clb::session {
namespace {

using base::Error;

base::Hello hello(const base::RunSpec& spec, const torch::Device& device) {
  const auto cpu = processor();
  base::Hello h{.pid = getpid(),
                .runner_hash = base::hex(base::sha256_file(base::code_file())),
                .plugin_hash = loader::plugin_hash(spec.method.file, spec.execution.method_sources)};
  h.dataset_hash = base::dataset_hash(spec.dataset, [](const std::string& file) { return loader::plugin_hash(file); });
  h.libtorch = libtorch_version();
  h.device = device_name(device);
  h.dtype = toString(image_dtype(spec.precision));
  h.cpu = cpu.model;
  h.cpu_flags = cpu.flags;
  h.cores = cpu.cores;
  h.threads = spec.threads;
  return h;
}

// What the launcher records is what runs.
void expect_planned_files(const base::RunSpec& spec, const base::Hello& me) {
  const auto expect = [](const std::string& what, const std::string& found, const std::string& planned) {
    if (!planned.empty() && found != planned)
      throw Error(what + " was replaced after the run was planned: its SHA-256 is " + found + ", planned was " + planned +
                  "; start clbench again to run the new one");
  };
  expect("the plugin " + spec.method.file, me.plugin_hash, spec.execution.method_hash);
  const bool sequence = !spec.dataset.sequence.empty();
  expect(sequence ? "a plugin of " + spec.dataset.id : "the plugin " + spec.dataset.file, me.dataset_hash, spec.execution.dataset_hash);
  expect("the runner " + base::code_file().string(), me.runner_hash, spec.execution.runner_hash);
}

// A plugin may tell of other files than when the run was planned.
void expect_planned_sources(const clb_method& table, const base::RunSpec& spec) {
  if (!spec.execution.method_hash.empty() && sources_of(table, spec.method.file) != spec.execution.method_sources)
    throw Error("the plugin " + spec.method.file + " names other source files than when the run was planned; start clbench again");
}

// All but the size of the state, which is known once that is saved.
base::TaskDone evaluated(Session& s, MethodHandle& method) {
  base::TaskDone done;
  {
    const auto span = s.spans.enter("evaluate", s.task);
    s.progress("", 0, 0);
    done = evaluate(s, method);
    s.expect_unchanged();
  }
  const auto metric = [&](const char* name, int64_t value) {
    s.metrics.push_back({.name = name, .task = s.task, .step = s.task, .value = static_cast<double>(value)});
  };
  if (!s.memory.empty()) {
    metric(CLB_METRIC_EXEMPLARS, static_cast<int64_t>(s.memory.size()));
    metric(CLB_METRIC_EXEMPLAR_BYTES, memory_bytes(s.store, s.memory));
  }
  done.spans = s.spans.take();
  done.metrics = take_metrics(s);
  return done;
}

base::Resource resources(const Session& s, int64_t state_bytes) {
  base::Resource resource{{{"peak_rss_bytes", static_cast<double>(s.spans.memory().whole())},
                           {"peak_device_bytes", static_cast<double>(peak_device_bytes(s.device))},
                           {"state_bytes", static_cast<double>(state_bytes)},
                           {"exemplars", static_cast<double>(s.memory.size())},
                           {"exemplar_bytes", static_cast<double>(memory_bytes(s.store, s.memory))},
                           {"images_seen", static_cast<double>(s.images_seen)},
                           {"images_read", static_cast<double>(s.store.images_read())},
                           {"seconds_waited", s.spans.waited()},
                           {"forwards_charged", static_cast<double>(s.features.forwards_charged() + s.features.forwards_saved())},
                           {"forwards_saved", static_cast<double>(s.features.forwards_saved())},
                           {"cached_seconds_saved", s.features.seconds_saved() + s.text.seconds_saved()}}};
  for (const auto& [phase, bytes] : s.spans.memory().phases()) resource.values["peak_rss_bytes." + phase] = static_cast<double>(bytes);
  return resource;
}

// Takes up the newest checkpoint, reports its results again and returns the task to go on with.
int64_t go_on(Session& s, MethodHandle& method, Checkpoints& checkpoints) {
  const auto span = s.spans.enter("resume", -1);
  const auto found = checkpoints.resume(s, method);
  if (!found) return 0;
  for (const std::string& line : found->results) s.emitter.emit_line(line);
  return found->task + 1;
}

// The state of a run that has ended, evaluated once more.
void evaluate_kept(Session& s, MethodHandle& method, Checkpoints& checkpoints) {
  const auto found = [&] {
    try {
      return checkpoints.resume(s, method);
    } catch (const CheckpointError& e) {
      throw Error(std::string(e.what()) + "; `clbench run --again` repeats the run and makes another");
    }
  }();
  if (!found) throw Error("the checkpoint " + s.spec.execution.state_file + " is gone");
  s.task = found->task;
  s.emitter.emit_line(checkpoints.with_state(evaluated(s, method)));
}

struct Where {  // the run was when it failed; for the last event
  std::string phase = "load";
  int64_t task = -1;
};

enum class Part { kAll, kAfterCheckpoint, kFeatures };  // of a run

void run_all(const base::RunSpec& spec, Part part, Emitter& emitter, Where& where) {
  const bool resume = part == Part::kAfterCheckpoint;
  Spans spans;
  std::optional<Session> session;
  CheckpointOwner owner;
  try {
    {
      const auto span = spans.enter("load", -1);
      const auto device = pick_device(spec.device);
      configure(device, spec.precision, spec.threads);
      const base::Hello me = hello(spec, device);
      owner = {spec.execution.state_run.empty() ? spec.key() : spec.execution.state_run, me.plugin_hash, me.runner_hash};
      emitter.emit(me);
      if (!nn::cpu_kernels())
        emitter.emit(
            base::Log{"warning", "CLB_CPU_KERNELS is off: nn does without its kernels for this processor; last digits may differ"});
      emitter.progress({.phase = "load", .task = -1});
      expect_planned_files(spec, me);
      if (!spec.execution.cache_dir.empty()) base::prepare_cache(spec.execution.cache_dir);
      session.emplace(spec, device, me.runner_hash, emitter, spans);
    }
    Session& s = *session;
    const auto labels = s.store.labels(s.evaluated_split());
    emitter.emit(base::Targets{s.protocol.evaluates_test() ? "test" : "train", {labels.begin(), labels.end()}});
    if (part == Part::kFeatures) {
      compute_features_alone(s);
      emitter.emit(base::Done{resources(s, 0)});
      return;
    }
    if (!resume && spec.execution.state_file.empty()) compute_features_early(s);  // else they are there, as a rule
    const clb_method table = load_method_table(spec.method.file);
    expect_planned_sources(table, spec);
    Learner learner(s, table);
    MethodHandle& method = learner.method();
    learner.create();
    Checkpoints checkpoints(spec, owner);
    int64_t first = 0;
    if (!spec.execution.state_file.empty()) {
      evaluate_kept(s, method, checkpoints);
      first = s.protocol.tasks_to_run();
    } else if (resume) {
      first = go_on(s, method, checkpoints);
    }
    for (int64_t t = first; t < s.protocol.tasks_to_run(); ++t) {
      s.check_cancelled();
      learner.learn(t);
      emitter.emit_line(checkpoints.task_done(s, method, evaluated(s, method)));
    }
    emitter.emit(base::Done{resources(s, checkpoints.state_bytes())});
  } catch (...) {
    where = {spans.failed_phase(), session ? session->task : -1};
    throw;
  }
}

int reported(const base::RunSpec& spec, Part part, Emitter& emitter) {
  Where where;
  try {
    run_all(spec, part, emitter, where);
    return 0;
  } catch (...) {
    base::Failed failed = current_failure();
    failed.task = where.task;
    failed.phase = where.phase;
    emitter.emit(failed);
    const bool asked = cancelled() && failed.status == "cancelled";
    return static_cast<int>(asked ? base::Exit::kGoOnLater : base::Exit::kFailedRun);
  }
}

}  // namespace

int run(const base::RunSpec& spec, bool resume, Emitter& emitter) {
  return reported(spec, resume ? Part::kAfterCheckpoint : Part::kAll, emitter);
}

int features(const base::RunSpec& spec, Emitter& emitter) { return reported(spec, Part::kFeatures, emitter); }

}  // namespace clb::session
