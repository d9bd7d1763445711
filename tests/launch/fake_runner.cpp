// Stands in for clb-runner where the launcher is tested: no LibTorch, and it misbehaves on demand. What it does is the method parameter
// "behave", at its task number "at" (an index).
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <clb/base/describe.hpp>
#include <clb/base/error.hpp>
#include <clb/base/event.hpp>
#include <clb/base/file.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/base/second_look.hpp>
#include <clb/base/sha256.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "serve.hpp"

namespace {

using namespace clb::base;

volatile sig_atomic_t g_cancelled = 0;

int event_fd() {
  const char* given = std::getenv("CLB_EVENT_FD");
  return given ? std::atoi(given) : STDOUT_FILENO;
}

void write_raw(const std::string& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t n = write(event_fd(), bytes.data() + at, bytes.size() - at);
    if (n <= 0) _exit(3);
    at += static_cast<size_t>(n);
  }
}

void emit(const Event& event) { write_raw(encode(event) + "\n"); }

void nap(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

[[noreturn]] void die_of(int signal) {
  ::signal(signal, SIG_DFL);
  raise(signal);
  _exit(9);
}

[[noreturn]] void eat_memory() {
  std::vector<char*> blocks;
  while (true) {
    blocks.push_back(static_cast<char*>(std::malloc(8 << 20)));
    std::memset(blocks.back(), 1, 8 << 20);
    nap(0.02);
  }
}

// A child that outlives its parent and keeps the event pipe open, unless the launcher ends it.
void leave_a_child(const std::string& folder) {
  const pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  write_file_atomic(folder + "/child.pid", std::to_string(child));
}

// A grandchild in a session of its own: no group of the runner's holds it.
void leave_a_daemon(const std::string& folder) {
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    const pid_t daemon = fork();
    if (daemon != 0) {
      write_file_atomic(folder + "/daemon.pid", std::to_string(daemon));
      _exit(0);
    }
    close(event_fd());
    for (;;) pause();
  }
  waitpid(child, nullptr, 0);
}

TaskDone task_done(const RunSpec& spec, int64_t task) {
  TaskDone done;
  done.task = task;
  size_t first = 0;
  for (int64_t t = 0; t < task; ++t) first += static_cast<size_t>(spec.protocol.task_sizes[static_cast<size_t>(t)]);
  for (int64_t i = 0; i < spec.protocol.task_sizes[static_cast<size_t>(task)]; ++i) {
    done.classes.push_back(spec.protocol.class_order[first + static_cast<size_t>(i)]);
  }
  for (int64_t group = 0; group <= task; ++group) done.evals.push_back({group, 10, 9 - group, 10, 10, 1.5});
  done.predictions.assign(100, -1);
  for (size_t i = 0; i < 10 * first; ++i) done.predictions[i] = done.classes[0];
  done.logit_hash = hex(sha256("logits of task " + std::to_string(task)));
  done.spans = {{"train_task", task, 0.01, 0}};
  done.metrics = {{"loss", task, 0, 0.5}};
  if (spec.method.params.value("behave", "ok") == "metrics")
    for (int64_t step = 0; step < 100'000; ++step) done.metrics.push_back({"a_metric_of_mine", task, step, 0.5});
  return done;
}

// Returns true when the run goes on.
bool misbehave(const std::string& how, const RunSpec& spec, int64_t task) {
  if (how == "crash") die_of(SIGSEGV);
  if (how == "abort") die_of(SIGABRT);
  if (how == "killed") die_of(SIGKILL);
  if (how == "hang") {
    ::signal(SIGTERM, SIG_IGN);
    for (;;) pause();
  }
  if (how == "spin") {  // never silent, deaf to SIGTERM
    ::signal(SIGTERM, SIG_IGN);
    for (int64_t i = 0;; ++i, nap(0.05)) emit(Progress{"train_task", task, i, 0, "batches"});
  }
  if (how == "eat") eat_memory();
  if (how == "garbage") write_raw("Segmentation fault (core dumped)\n");
  if (how == "malformed")
    write_raw(R"({"v":1,"t":"progress","phase":7,"task":0,"done":0,"total":0,"what":""})"
              "\n");
  if (how == "version")
    write_raw(R"({"v":2,"t":"done","resource":{}})"
              "\n");
  if (how == "truncated") {
    write_raw(encode(Done{}).substr(0, 9));
    _exit(0);
  }
  if (how == "huge") {
    for (int i = 0; i < 65; ++i) write_raw(std::string(1 << 20, 'x'));
  }
  if (how == "garbage" || how == "malformed" || how == "version" || how == "huge") {
    for (;;) pause();  // SIGTERM ends it
  }
  if (how == "child") leave_a_child(spec.execution.run_dir);
  if (how == "daemon") leave_a_daemon(spec.execution.run_dir);
  if (how == "no_done") _exit(0);
  if (how == "exit7") {
    std::fprintf(stderr, "first line\nthe disk is on fire\n");
    _exit(7);
  }
  if (how == "checkpoint") {
    emit(Failed{"checkpoint", "the checkpoint is of no use", "", 0, -1, "resume"});
    _exit(1);
  }
  if (how == "numeric") {
    emit(Failed{"numeric", "the loss is not finite", "fake.cpp", 88, task, "train_task"});
    _exit(1);
  }
  return true;
}

void run_task(const RunSpec& spec, int64_t task, double pace) {
  emit(Progress{"train_task", task, 0, 4, "batches"});
  if (spec.method.params.value("at", 0) == task) misbehave(spec.method.params.value("behave", "ok"), spec, task);
  for (int64_t i = 1; i <= 4; ++i) {
    nap(pace / 4);
    if (g_cancelled) {
      emit(Failed{"cancelled", "asked to stop", "", 0, task, "train_task"});
      _exit(static_cast<int>(Exit::kGoOnLater));
    }
    emit(Progress{"train_task", task, i, 4, "batches"});
  }
  emit(task_done(spec, task));
}

void hear_requests_to_stop() {
  sigset_t waited;
  sigemptyset(&waited);
  for (const int signal : {SIGTERM, SIGUSR1, SIGUSR2}) {
    ::signal(signal, [](int) { g_cancelled = 1; });
    sigaddset(&waited, signal);
  }
  sigprocmask(SIG_UNBLOCK, &waited, nullptr);
}

const char* from_environment(const char* name) { return std::getenv(name) ? std::getenv(name) : "unset"; }

int run(const std::string& file) {
  const RunSpec spec = RunSpec::from_json(parse_json(read_file(file), file), file);
  const auto lock = FileLock::try_lock(std::filesystem::path(spec.execution.run_dir) / "lock");
  if (!lock) throw Error(spec.execution.run_dir + ": another runner works here");
  hear_requests_to_stop();
  std::printf("fake runner, forked: %s, OMP_WAIT_POLICY=%s, GOMP_SPINCOUNT=%s, CUDA_VISIBLE_DEVICES=%s\n",
              from_environment("FAKE_RUNNER_FORKED"), from_environment("OMP_WAIT_POLICY"), from_environment("GOMP_SPINCOUNT"),
              from_environment("CUDA_VISIBLE_DEVICES"));
  std::fflush(stdout);
  const std::string behave = spec.method.params.value("behave", "ok");
  if (behave == "early") die_of(SIGBUS);
  if (behave == "no_hello") emit(Done{});
  emit(Hello{getpid(), "r", "p", "d", "0.0.0", "cpu", "float32", "a processor", "avx2", 2, spec.threads});
  emit(Targets{"test", std::vector<int64_t>(100, 0)});
  const auto tasks = static_cast<int64_t>(spec.protocol.task_sizes.size());
  const int64_t last = spec.protocol.stop_after > 0 ? spec.protocol.stop_after : tasks;
  for (int64_t task = 0; task < last; ++task) run_task(spec, task, spec.method.params.value("pace", 0.0));
  emit(Span{"load", -1, 0.01, 0});
  emit(Done{{{{"peak_rss_bytes", 1e6}}}});
  if (behave == "after_done") die_of(SIGSEGV);
  if (behave == "twice_done") emit(Done{});
  return 0;
}

// The second look: predicts what run_task() did, or not ("look_..."). In the environment of a look nothing of the user's is left.
int look(const std::string& file) {
  const Json request = parse_json(read_file(file), file);
  const RunSpec spec = RunSpec::from_json(request.at("run"), file);
  const std::string behave = spec.method.params.value("behave", "ok");
  std::printf("fake look in %s, HOME=%s, SECRET=%s, proven %s\n", std::filesystem::current_path().filename().c_str(), std::getenv("HOME"),
              std::getenv("SECRET") ? std::getenv("SECRET") : "unset", canonical(request.at("proven")).c_str());
  std::fflush(stdout);
  emit(Hello{getpid(), "", "", "", "", "", "", "", "", 0, 1});
  const int64_t task = request.at("task").get<int64_t>();
  emit(Progress{kLookPrepares, task, 0, 0, ""});
  if (behave == "look_early") {
    emit(Failed{"io", "the data are gone", "", 0, task, kLookPrepares});
    _exit(1);
  }
  emit(Progress{kLooks, task, 0, 0, ""});
  if (behave == "look_crash") die_of(SIGSEGV);
  if (behave == "look_hang") {
    for (;;) pause();
  }
  if (behave == "look_fails") {
    emit(Failed{"state", "load left 8 bytes unread", "fake.cpp", 5, task, kLooks});
    _exit(1);
  }
  const TaskDone done = task_done(spec, task);
  Look look{{}, {{7, {}, {}, {}}, {64, {}, {}, {}}}, true};
  for (size_t i = 0; i < done.predictions.size(); ++i)
    if (done.predictions[i] >= 0) look.samples.push_back(static_cast<int64_t>(i));
  for (LookPass& pass : look.passes)
    for (int64_t i : look.samples) pass.predictions.push_back(done.predictions[static_cast<size_t>(i)]);
  if (behave == "look_differs") {
    ++look.passes[1].predictions[3];
    ++look.passes[0].predictions[5];
    ++look.passes[1].predictions[5];
  }
  if (behave == "look_ties") {  // one prediction falls otherwise, and the old one is as good
    look.passes[0].near_rows = {4};
    look.passes[0].near_classes = {look.passes[0].predictions[4]};
    ++look.passes[0].predictions[4];
  }
  if (behave == "look_proves") look.proven = {"key/sum"};
  if (behave == "look_cache") {
    look.false_folder = "/cache/features/key";
    look.false_rows = 7;
  }
  if (behave == "look_few") {
    look.samples.resize(5);
    for (LookPass& pass : look.passes) pass.predictions.resize(5);
  }
  emit(look);
  emit(Done{});
  return 0;
}

ParamInfo param(const char* name, const char* type, Json value, const char* help) {
  ParamInfo info;
  info.name = name;
  info.type = type;
  info.default_value = std::move(value);
  info.help = help;
  return info;
}

// How often it was asked for what.
void count(const char* word) {
  if (std::getenv("FAKE_RUNNER_LOG") == nullptr) return;
  std::FILE* log = std::fopen(std::getenv("FAKE_RUNNER_LOG"), "a");
  std::fprintf(log, "%s%s\n", word, std::getenv("FAKE_RUNNER_FORKED") ? ", forked" : "");
  std::fclose(log);
}

// As clb-runner says it, with the LibTorch that it has loaded.
void say_described(Json info) {
  info["libtorch"] = "0.0.1";
  std::puts(canonical(info).c_str());
}

int describe(const std::string& file, bool open, const std::string& root) {
  if (const double seconds = std::atof(from_environment("FAKE_RUNNER_DESCRIBES_FOR")); seconds > 0) {
    std::fprintf(stderr, "fake runner: describing\n");
    nap(seconds);
  }
  count("describe");
  const PluginMeta meta = read_plugin_meta(file);
  if (meta.id == "crashing") die_of(SIGSEGV);
  if (meta.kind == "method") {
    MethodInfo info{.id = meta.id,
                    .version = meta.version,
                    .paper = meta.summary,
                    .file = file,
                    .hash = hex(sha256_file(file)),
                    .capabilities = meta.capabilities,
                    .state_version = 1,
                    .params = {},
                    .assets = {},
                    .sources = {}};
    info.params = {param("behave", "string", "ok", "what goes wrong"), param("at", "int", 0, "task in which it goes wrong"),
                   param("pace", "float", 0.0, "seconds per task")};
    info.params[1].max = 100;
    say_described(info.to_json());
    return 0;
  }
  DatasetInfo info;
  info.id = meta.id;
  info.version = meta.version;
  info.modality = "images";
  info.licence = "none";
  info.citation = meta.summary;
  info.file = file;
  info.hash = hex(sha256_file(file));
  info.class_count = 10;
  info.height = info.width = 28;
  info.channels = 1;
  info.class_names = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
  if (open) {
    info.root = root.empty() ? std::filesystem::path(file).parent_path().string() : root;
    if (!std::filesystem::exists(info.root)) throw Error(info.root + ": the dataset's folder does not exist");
    info.train_counts = info.test_counts = std::vector<int64_t>(10, 10);
    info.fingerprint = hex(sha256("fake"));
  }
  say_described(info.to_json());
  return 0;
}

int version() {
  count("version");
  Json devices{"cpu"};
  for (int64_t card = std::atoi(from_environment("FAKE_RUNNER_CARDS")); card > 0; --card) devices.push_back("a card");
  const Json text{{"libtorch", "0.0.0"},  {"cuda", false},       {"devices", devices},
                  {"cpu", "a processor"}, {"cpu_flags", "avx2"}, {"runner_hash", "r"}};
  std::puts(canonical(text).c_str());
  return 0;
}

}  // namespace

int act(const std::vector<std::string>& words) {
  if (words.size() == 1 && words[0] == "serve" && std::getenv("FAKE_RUNNER_SERVES_NOT") == nullptr) {
    count("serve");
    const auto work = clb::runner::serve();
    if (work) setenv("FAKE_RUNNER_FORKED", "yes", 1);
    return work ? act(*work) : 0;
  }
  clb::runner::die_with_launcher();
  if (words.size() == 2 && (words[0] == "run" || words[0] == "resume")) return run(words[1]);
  if (words.size() == 2 && words[0] == "look") return look(words[1]);
  if (words.size() == 1 && words[0] == "version") return version();
  if (words.size() >= 2 && words[0] == "describe") {
    bool open = false;
    std::string root;
    for (size_t i = 2; i < words.size(); ++i) {
      if (words[i] == "--default-root") open = true;
      if (words[i] == "--root") {
        open = true;
        root = words[++i];
      }
    }
    return describe(words[1], open, root);
  }
  std::fprintf(stderr, "fake runner: wrong words\n");
  return 2;
}

int main(int argc, char** argv) try { return act({argv + 1, argv + argc}); } catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return static_cast<int>(error.exit());
}
