#include <ATen/dlpack.h>
#include <sys/resource.h>
#include <unistd.h>

#include <clb/meta.h>

#include <clb/base/error.hpp>
#include <clb/base/paths.hpp>
#include <clb/base/sha256.hpp>
#include <clb/sdk/error.hpp>
#include <clb/session/checkpoint.hpp>
#include <clb/session/evaluate.hpp>
#include <clb/session/host.hpp>
#include <clb/session/memory.hpp>
#include <clb/session/run.hpp>
#include <deque>
#include <optional>

namespace clb::session {
namespace {

using base::Error;

base::Hello hello(const base::RunSpec& spec, const torch::Device& device) {
  const auto cpu = processor();
  base::Hello h{.pid = getpid(), .runner_hash = base::hex(base::sha256_file(base::executable())), .plugin_hash = base::hex(base::sha256_file(spec.method.file))};
  h.dataset_hash = base::hex(base::sha256_file(spec.dataset.file));
  h.libtorch = TORCH_VERSION;
  h.device = device_name(device);
  h.dtype = toString(precision_dtype(spec.precision));
  h.cpu = cpu.model;
  h.cpu_flags = cpu.flags;
  h.cores = cpu.cores;
  h.threads = spec.threads;
  return h;
}

// Settings in the order of the table, pointing into the run's JSON and into `lists`.
struct Settings {
  Settings(const clb_method& table, const base::Json& params) {
    for (uint32_t k = 0; k < table.param_count; ++k) {
      const auto& p = *reinterpret_cast<const clb_param*>(reinterpret_cast<const char*>(table.params) + size_t{k} * table.param_stride);
      if (!params.contains(p.name)) throw Error("the run has no value for the method's parameter \"" + std::string(p.name) + "\"");
      settings.push_back({sizeof(clb_setting), 0, p.name, value(p.default_value.type, params.at(p.name), p.name)});
    }
  }
  clb_value value(uint32_t type, const base::Json& json, const std::string& name) try {
    clb_value v{.type = type, .count = 0, .as = {}};
    switch (type) {
      case CLB_TYPE_BOOL:
        v.as.i = json.get<bool>();
        break;
      case CLB_TYPE_INT:
        v.as.i = json.get<int64_t>();
        break;
      case CLB_TYPE_FLOAT:
        v.as.f = json.get<double>();
        break;
      case CLB_TYPE_INT_LIST:
        v.as.ints = int_lists.emplace_back(json.get<std::vector<int64_t>>()).data();
        v.count = static_cast<uint32_t>(json.size());
        break;
      case CLB_TYPE_FLOAT_LIST:
        v.as.floats = float_lists.emplace_back(json.get<std::vector<double>>()).data();
        v.count = static_cast<uint32_t>(json.size());
        break;
      default:
        v.as.s = texts.emplace_back(json.get<std::string>()).c_str();
    }
    return v;
  } catch (const nlohmann::json::exception&) {
    throw Error("the method's parameter \"" + name + "\" has a value of the wrong type: " + json.dump());
  }

  std::vector<clb_setting> settings;
  std::deque<std::vector<int64_t>> int_lists;
  std::deque<std::vector<double>> float_lists;
  std::deque<std::string> texts;
};

clb_session session_args(const Session& s, const clb_host* host, const Settings& settings) {
  clb_session args{};
  args.struct_size = sizeof args;
  args.precision = s.spec.precision == "bf16" ? CLB_PRECISION_BF16 : s.spec.precision == "tf32" ? CLB_PRECISION_TF32 : CLB_PRECISION_FP32;
  args.host = host;
  args.settings = settings.settings.data();
  args.setting_count = static_cast<uint32_t>(settings.settings.size());
  args.setting_stride = sizeof(clb_setting);
  args.device_type = s.device.is_cuda() ? kDLCUDA : kDLCPU;
  args.device_index = s.device.is_cuda() ? s.device.index() : 0;
  args.image_height = args.image_width = s.eval_images.side();
  return args;
}

// The host reseeds LibTorch's generators before each call, so that nothing depends on what ran before.
void reseed(const Session& s, const char* call) { torch::manual_seed(s.keys.number(call, {s.task})); }

void run_task(Session& s, MethodHandle& method, Host& host) {
  const auto labels = s.protocol.labels(s.task);
  clb_task task{};
  task.struct_size = sizeof task;
  task.index = s.task;
  task.labels = labels.data();
  task.label_count = static_cast<int64_t>(labels.size());
  task.classes_seen = s.protocol.classes_seen(s.task);
  const bool horizon = (s.spec.method.capabilities & CLB_CAP_KNOWS_HORIZON) != 0;
  task.task_count = horizon ? s.protocol.task_count() : -1;
  task.class_count = horizon ? s.protocol.class_count() : -1;
  const auto call = [&](const char* name, auto&& body) {
    const auto span = s.spans.enter(name, s.task);
    s.progress("", 0, 0);
    reseed(s, name);
    body();
    synchronize(s.device);
  };
  s.streams_opened = 0;
  call("begin_task", [&] { method.begin_task(task); });
  call("train_task", [&] { method.train_task(task); });
  call("end_task", [&] { method.end_task(task); });
  host.close_streams();
}

int64_t state_bytes(MethodHandle& method) {
  uint64_t total = 0;
  method.save([&](std::string_view bytes) { total += bytes.size(); });
  return static_cast<int64_t>(total);
}

base::TaskDone evaluated(Session& s, MethodHandle& method) {
  base::TaskDone done;
  {
    const auto span = s.spans.enter("evaluate", s.task);
    s.progress("", 0, 0);
    done = evaluate(s, method);
  }
  const auto metric = [&](const char* name, int64_t value) {
    s.metrics.push_back({.name = name, .task = s.task, .step = s.task, .value = static_cast<double>(value)});
  };
  metric("state_bytes", state_bytes(method));
  if (!s.memory.empty()) {
    metric("exemplars", static_cast<int64_t>(s.memory.size()));
    metric("exemplar_bytes", memory_bytes(s));
  }
  done.spans = s.spans.take();
  done.metrics = std::exchange(s.metrics, {});
  return done;
}

base::Resource resources(const Session& s, int64_t state_bytes) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {{{"peak_rss_bytes", static_cast<double>(usage.ru_maxrss) * 1024},
           {"peak_device_bytes", static_cast<double>(peak_device_bytes(s.device))},
           {"state_bytes", static_cast<double>(state_bytes)},
           {"exemplars", static_cast<double>(s.memory.size())},
           {"exemplar_bytes", static_cast<double>(memory_bytes(s))},
           {"images_seen", static_cast<double>(s.images_seen)},
           {"pixels_read", static_cast<double>(s.store.pixels_read())},
           {"forwards_charged", static_cast<double>(s.features.forwards_charged() + s.features.forwards_saved())},
           {"forwards_saved", static_cast<double>(s.features.forwards_saved())},
           {"cached_seconds_saved", s.features.seconds_saved()}}};
}

// Takes up the newest checkpoint, reports its results again and returns the task to go on with.
int64_t go_on(Session& s, MethodHandle& method, Checkpoints& checkpoints) {
  const auto span = s.spans.enter("resume", -1);
  const auto found = checkpoints.resume(s, method);
  if (!found) return 0;
  for (const std::string& line : found->results) s.emitter.emit_line(line);
  return found->task + 1;
}

struct Where {  // the run was when it failed; for the last event
  std::string phase = "load";
  int64_t task = -1;
};

void run_all(const base::RunSpec& spec, bool resume, Emitter& emitter, Where& where) {
  Spans spans;
  std::optional<Session> session;
  CheckpointOwner owner;
  try {
    {
      const auto span = spans.enter("load", -1);
      const auto device = pick_device(spec.device);
      configure(device, spec.precision, spec.threads);
      const base::Hello me = hello(spec, device);
      owner = {spec.key(), me.plugin_hash, me.runner_hash};
      emitter.emit(me);
      emitter.progress({.phase = "load"});
      session.emplace(spec, device, me.runner_hash, emitter, spans);
    }
    Session& s = *session;
    const auto labels = s.store.labels(s.evaluated_split());
    emitter.emit(base::Targets{s.protocol.evaluates_test() ? "test" : "train", {labels.begin(), labels.end()}});
    Host host(s);
    const clb_method table = load_method_table(spec.method.file);
    MethodHandle method(table);
    const Settings settings(table, spec.method.params);
    {
      const auto span = s.spans.enter("create", -1);
      reseed(s, "create");
      method.create(session_args(s, host.table(), settings));
    }
    Checkpoints checkpoints(s, owner);
    int64_t first = 0;
    if (resume) first = go_on(s, method, checkpoints);
    for (int64_t t = first; t < s.protocol.tasks_to_run(); ++t) {
      s.task = t;
      s.check_cancelled();
      run_task(s, method, host);
      const std::string line = base::encode(evaluated(s, method));
      checkpoints.task_done(s, method, line);
      emitter.emit_line(line);
    }
    emitter.emit(base::Done{resources(s, state_bytes(method))});
  } catch (...) {
    where = {spans.failed_phase(), session ? session->task : -1};
    throw;
  }
}

}  // namespace

int run(const base::RunSpec& spec, bool resume, Emitter& emitter) {
  Where where;
  const auto fail = [&](const std::string& status, const std::string& text, const std::string& file, int64_t line) {
    emitter.emit(base::Failed{.status = status, .text = text, .file = file, .line = line, .task = where.task, .phase = where.phase});
    return static_cast<int>(base::Exit::kFailedRun);
  };
  try {
    run_all(spec, resume, emitter, where);
    return 0;
  } catch (const PluginError& e) {
    return fail(status_name(e.status()), e.what(), e.file(), e.line());
  } catch (const Error& e) {
    return fail("io", e.what(), "", 0);
  } catch (const c10::OutOfMemoryError& e) {
    return fail("no_memory", e.what_without_backtrace(), "", 0);
  } catch (const c10::Error& e) {
    return fail("internal", e.what_without_backtrace(), "", 0);
  } catch (const std::bad_alloc&) {
    return fail("no_memory", "out of memory", "", 0);
  } catch (const std::exception& e) {
    return fail("internal", e.what(), "", 0);
  } catch (...) {  // a plugin that throws through the border
    return fail("internal", "an exception of an unknown type", "", 0);
  }
}

}  // namespace clb::session
