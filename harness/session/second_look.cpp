#include <unistd.h>

#include <chrono>
#include <clb/base/envelope.hpp>
#include <clb/base/error.hpp>
#include <clb/base/second_look.hpp>
#include <clb/session/checkpoint.hpp>
#include <clb/session/confine.hpp>
#include <clb/session/evaluate.hpp>
#include <clb/session/failure.hpp>
#include <clb/session/learner.hpp>
#include <clb/session/look_features.hpp>
#include <clb/session/look_samples.hpp>
#include <clb/session/near_ties.hpp>
#include <clb/session/predict.hpp>
#include <clb/session/second_look.hpp>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <set>

namespace clb::session {
namespace {

namespace fs = std::filesystem;
using base::Error;

constexpr int64_t kBatches[] = {7, 64};  // smaller and larger than what a method might wait for

struct Request {
  base::RunSpec spec;
  LookWish wish;
  std::set<std::string> proven;
  fs::path folder;
};

Request read_request(const std::string& file) {
  const base::Json json = base::parse_json(base::read_file(file, uint64_t{64} << 20), file);
  const auto number = [&](const char* name) { return json.at(name).get<int64_t>(); };
  return {base::RunSpec::from_json(json.at("run"), file),
          {number("task"), number("count"), number("count_taken")},
          json.at("proven").get<std::set<std::string>>(),
          fs::absolute(file).parent_path()};
}

// Whoever wrote it: the launcher says that it is this run's, and it was written by this runner for this plugin.
base::Envelope state_in(const base::MappedFile& file, const Request& request) {
  auto envelope = base::parse_envelope(file.bytes(), "the state " + file.path().string());
  const auto& execution = request.spec.execution;
  const std::string run = execution.state_run.empty() ? request.spec.key() : execution.state_run;
  if (envelope.header.value("run", "") != run || envelope.header.value("task", int64_t{-1}) != request.wish.task)
    throw Error("the state " + file.path().string() + " is not that after the last task of the run");
  return envelope;
}

Openable openable(const Request& request) {
  Openable open{library_places(request.spec.method.file), {request.folder / "home", request.folder / "tmp"}};
  open.read.push_back(request.folder / "store");
  for (const auto& weights : request.spec.weights)
    if (!weights.file.empty()) open.read.push_back(weights.file);
  for (const auto& source : request.spec.execution.method_sources) open.read.push_back(source);
  for (const auto& [name, file] : request.spec.execution.asset_files) open.read.push_back(file);
  for (const auto& [role, file] : request.spec.execution.vocabulary_files) open.read.push_back(file);
  open.devices = request.spec.device != "cpu" && fs::exists("/dev/nvidiactl");
  return open;
}

// Seconds since the last call, for the log.
class Laps {
 public:
  void say(const char* what) {
    const auto now = std::chrono::steady_clock::now();
    std::fprintf(stderr, "%s: %.2f s\n", what, std::chrono::duration<double>(now - start_).count());
    start_ = now;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

base::LookPass pass(Session& s, MethodHandle& method, const LookSamples& samples, int64_t batch_size, bool shuffled) {
  const auto n = static_cast<int64_t>(samples.indices.size());
  TestSamples test{.split = Split::kTest, .samples = {}, .order = {}, .batch_size = batch_size, .task_ids = {}};
  test.samples.resize(samples.indices.size());
  std::iota(test.samples.begin(), test.samples.end(), 0);
  test.order = shuffled ? permutation(s.keys.number("second look order", {batch_size}), n) : test.samples;
  if (s.protocol.grants_task_ids()) test.task_ids = torch::tensor(samples.tasks, torch::kInt64);
  auto logits = predict(s, method, test);
  if (test.task_ids.defined()) mask_to_groups(s, test.task_ids, logits);

  base::LookPass pass{.batch_size = batch_size, .predictions = {}, .near_rows = {}, .near_classes = {}};
  const auto best = logits.argmax(1), near = near_best(logits, s.spec.precision).nonzero();
  for (int64_t row = 0; row < n; ++row) pass.predictions.push_back(s.protocol.original(best[row].item<int64_t>()));
  for (int64_t k = 0; k < near.size(0); ++k) {
    pass.near_rows.push_back(near[k][0].item<int64_t>());
    pass.near_classes.push_back(s.protocol.original(near[k][1].item<int64_t>()));
  }
  return pass;
}

// A plugin that this process may not read in full is no fault of the method.
clb_method table_of(const std::string& file, std::string& phase) {
  try {
    return load_method_table(file);
  } catch (const Error&) {
    phase = base::kLookPrepares;
    throw;
  }
}

void look(const Request& request, Emitter& emitter, std::string& phase) {
  Laps laps;
  emitter.emit(base::Hello{.pid = getpid(), .threads = request.spec.threads});
  emitter.progress({.phase = base::kLookPrepares, .task = request.wish.task});
  const fs::path store = request.folder / "store";
  const base::MappedFile file(saved_state(request.spec));
  const auto state = state_in(file, request);
  laps.say("state");
  const LookSamples samples =
      take_look_samples(request.spec, request.wish, used_features(request.spec, state.header, request.proven), store, emitter);
  laps.say("samples");
  base::Look result{.samples = samples.indices, .passes = {}, .confined = confine(openable(request))};
  laps.say(result.confined ? "files closed" : "files are not closed");

  const auto device = pick_device(request.spec.device);
  configure(device, request.spec.precision, request.spec.threads);
  Spans spans;
  Session session(without_labels(request.spec, store), device, "", emitter, spans);
  session.spec.execution.cache_dir.clear();  // nothing derived is kept or found
  serve_features(session, samples.features, store, result);
  laps.say("features");
  const auto span = spans.enter(base::kLooks, request.wish.task);
  phase = base::kLooks;
  session.progress("", 0, 0);
  Learner learner(session, table_of(request.spec.method.file, phase));
  learner.create();
  learner.method().load(state.payload);
  session.task = request.wish.task;
  laps.say("method");
  const bool by_batch = predicts_by_batch(request.spec);
  if (by_batch) result.passes.push_back(pass(session, learner.method(), samples, request.spec.protocol.test_batch_size, false));
  for (const int64_t size : kBatches) {
    if (by_batch) break;
    result.passes.push_back(pass(session, learner.method(), samples, size, true));
    laps.say("predictions");
  }
  emitter.emit(result);
  emitter.emit(base::Done{});
}

}  // namespace

int look(const std::string& file, Emitter& emitter) {
  std::string phase = base::kLookPrepares;
  int64_t task = -1;
  try {
    const Request request = read_request(file);
    task = request.wish.task;
    look(request, emitter, phase);
    return 0;
  } catch (...) {
    base::Failed failed = current_failure();
    failed.task = task;
    failed.phase = phase;
    emitter.emit(failed);
    return static_cast<int>(base::Exit::kFailedRun);
  }
}

}  // namespace clb::session
