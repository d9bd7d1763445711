#include <clb/metrics.h>

#include <clb/base/error.hpp>
#include <clb/sdk/error.hpp>
#include <clb/session/checkpoint.hpp>
#include <variant>

namespace clb::session {
namespace {

using base::Error;
using base::Json;

constexpr int kVersion = 1;

// What the session itself carries from task to task.
Json carried(const Session& s) {
  return {{"memory", s.memory},
          {"images_seen", s.images_seen},
          {"images_read", s.store.images_read()},
          {"seconds_waited", s.spans.waited()},
          {"features", s.features.counts()},
          {"text", s.text.counts()}};
}

void take_up(Session& s, const Json& carried) {
  s.memory = carried.at("memory").get<std::vector<int64_t>>();
  const auto samples = static_cast<int64_t>(s.store.labels(Split::kTrain).size());
  for (int64_t index : s.memory)
    if (index < 0 || index >= samples || s.protocol.part_of(index) < 0)
      throw Error("it is damaged: exemplar " + std::to_string(index) + " is no training sample of this run");
  s.images_seen = carried.at("images_seen").get<int64_t>();
  s.store.count_images(carried.at("images_read").get<int64_t>());
  s.spans.count_waiting(carried.value("seconds_waited", 0.0));  // which older checkpoints lack
  s.features.take_up(carried.at("features"));
  s.text.take_up(carried.at("text"));
}

// Takes what the method recorded after the first `before` metrics, while its state was saved or taken up: it is about the state after
// `task`.
std::vector<base::Metric> recorded(Session& s, size_t before, int64_t task) {
  const auto first = s.metrics.begin() + static_cast<std::ptrdiff_t>(before);
  std::vector<base::Metric> metrics(first, s.metrics.end());
  s.metrics.erase(first, s.metrics.end());
  for (base::Metric& metric : metrics) metric.task = task;
  return metrics;
}

// Of a task after which nothing is kept: its size is still a result.
int64_t saved_bytes(MethodHandle& method) {
  uint64_t total = 0;
  method.save([&](std::string_view bytes) { total += bytes.size(); });
  return static_cast<int64_t>(total);
}

void expect_same(const Json& header, const char* member, const std::string& mine, const char* what) {
  if (header.at(member).get<std::string>() != mine) throw Error("it belongs to another " + std::string(what));
}

}  // namespace

base::fs::path saved_state(const base::RunSpec& spec) {
  if (!spec.execution.state_file.empty()) return spec.execution.state_file;
  return base::fs::path(spec.execution.run_dir) / (spec.checkpoint == "off" ? "last_state" : "checkpoint");
}

Checkpoints::Checkpoints(const base::RunSpec& spec, CheckpointOwner owner)
    : only_last_(spec.checkpoint == "last"), owner_(std::move(owner)) {
  const bool wanted = spec.checkpoint != "off" && !spec.execution.run_dir.empty();
  if (wanted || !spec.execution.state_file.empty()) file_ = saved_state(spec);
}

std::optional<Checkpoints::Found> Checkpoints::resume(Session& s, MethodHandle& method) {
  std::error_code error;
  if (file_.empty() || (!base::fs::exists(file_, error) && !error)) return std::nullopt;
  const auto bad = [&](const std::string& why) {
    return CheckpointError("the checkpoint " + file_.string() + " cannot be taken up: " + why);
  };
  try {
    return take_up(s, method);
  } catch (const PluginError& e) {
    if (e.status() == CLB_E_CANCELLED || e.status() == CLB_E_NO_MEMORY) throw;
    throw bad(std::string("the method does not accept its state: ") + e.what());
  } catch (const Error& e) {
    throw bad(e.what());
  } catch (const Json::exception& e) {
    throw bad(std::string("it is damaged: ") + e.what());
  }
}

Checkpoints::Found Checkpoints::take_up(Session& s, MethodHandle& method) {
  const base::MappedFile mapped(file_);
  const auto envelope = base::parse_envelope(mapped.bytes(), "it");
  const Json& header = envelope.header;
  if (header.at("version") != kVersion) throw Error("it was written by another version of clbench");
  expect_same(header, "run", owner_.run_key, "run");
  expect_same(header, "plugin_hash", owner_.plugin_hash, "build of the plugin");
  expect_same(header, "runner_hash", owner_.runner_hash, "build of clb-runner");
  Found found{header.at("task").get<int64_t>(), header.at("results").get<std::vector<std::string>>()};
  if (found.task < 0 || found.task >= s.protocol.tasks_to_run()) throw Error("it is damaged: task " + std::to_string(found.task));
  for (const std::string& line : found.results)
    if (!std::holds_alternative<base::TaskDone>(base::decode(line))) throw Error("it is damaged: a result");
  const size_t before = s.metrics.size();
  method.load(envelope.payload);
  session::take_up(s, header.at("carried"));
  state_bytes_ = static_cast<int64_t>(envelope.payload.size());
  state_metrics_ = recorded(s, before, found.task);
  if (!found.results.empty()) found.results.back() = with_state(std::get<base::TaskDone>(base::decode(found.results.back())));
  results_ = found.results;
  return found;
}

std::string Checkpoints::task_done(Session& s, MethodHandle& method, base::TaskDone done) {
  const bool last = s.task == s.protocol.tasks_to_run() - 1;
  const size_t before = s.metrics.size();
  std::optional<int64_t> bytes;
  results_.push_back(base::encode(done));  // in the file without what is known of the state: that is there to be measured
  if (file_.empty() && last) bytes = keep_for_second_look(s, method);
  if (!file_.empty() && (!only_last_ || last)) bytes = write(s, method, file_);
  if (!bytes) {
    recorded(s, before, s.task);  // by a saving that failed
    bytes = saved_bytes(method);
  }
  state_bytes_ = *bytes;
  state_metrics_ = recorded(s, before, s.task);
  return results_.back() = with_state(std::move(done));
}

// The run goes on without it: the look is then not made, and says so.
std::optional<int64_t> Checkpoints::keep_for_second_look(Session& s, MethodHandle& method) const {
  if (!s.spec.execution.second_look || s.spec.execution.run_dir.empty()) return std::nullopt;
  try {
    return write(s, method, saved_state(s.spec));
  } catch (const Error& e) {
    s.warn(std::string("no state is kept for the second look: ") + e.what());
    return std::nullopt;
  }
}

int64_t Checkpoints::write(const Session& s, MethodHandle& method, const base::fs::path& file) const {
  const Json header{{"version", kVersion},
                    {"method", s.spec.method.id},
                    {"state_version", method.state_version()},
                    {"run", owner_.run_key},
                    {"plugin_hash", owner_.plugin_hash},
                    {"runner_hash", owner_.runner_hash},
                    {"task", s.task},
                    {"carried", carried(s)},
                    {"results", results_}};
  base::EnvelopeWriter out(file, header);
  uint64_t size = 0;
  method.save([&](std::string_view bytes) {
    size += bytes.size();
    out.write(bytes);
  });
  out.finish();
  return static_cast<int64_t>(size);
}

std::string Checkpoints::with_state(base::TaskDone done) const {
  done.metrics.push_back(
      {.name = CLB_METRIC_STATE_BYTES, .task = done.task, .step = done.task, .value = static_cast<double>(state_bytes_)});
  done.metrics.insert(done.metrics.end(), state_metrics_.begin(), state_metrics_.end());
  return base::encode(done);
}

}  // namespace clb::session
