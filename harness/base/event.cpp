#include <clb/base/event.hpp>
#include <clb/base/path_text.hpp>
#include <limits>
#include <utility>

#include "members.hpp"

namespace clb::base {

namespace {

constexpr size_t kMaxLine = 64 << 20;

Json body(const Hello& e) {
  return {{"t", "hello"},
          {"pid", e.pid},
          {"runner_hash", e.runner_hash},
          {"plugin_hash", e.plugin_hash},
          {"dataset_hash", e.dataset_hash},
          {"libtorch", e.libtorch},
          {"device", e.device},
          {"dtype", e.dtype},
          {"cpu", e.cpu},
          {"cpu_flags", e.cpu_flags},
          {"cores", e.cores},
          {"threads", e.threads}};
}
Json body(const Log& e) { return {{"t", "log"}, {"level", e.level}, {"text", e.text}}; }
Json body(const Progress& e) {
  return {{"t", "progress"}, {"phase", e.phase}, {"task", e.task}, {"done", e.done}, {"total", e.total}, {"what", e.what}};
}
// A value that is not finite becomes null in the text.
Json body(const Metric& e) { return {{"t", "metric"}, {"name", e.name}, {"task", e.task}, {"step", e.step}, {"value", e.value}}; }
Json body(const Span& e) { return {{"t", "span"}, {"phase", e.phase}, {"task", e.task}, {"wall_s", e.wall_s}, {"device_s", e.device_s}}; }
Json body(const Resource& e) { return {{"t", "resource"}, {"values", e.values}}; }
Json body(const Targets& e) { return {{"t", "targets"}, {"split", e.split}, {"labels", e.labels}}; }
Json body(const Done& e) { return {{"t", "done"}, {"resource", e.resource.values}}; }
Json body(const Failed& e) {
  return {{"t", "error"},   {"status", e.status}, {"text", e.text},   {"file", e.file},
          {"line", e.line}, {"task", e.task},     {"phase", e.phase}, {"of_user", e.of_user}};
}

// An event inside another one: without its type.
template <class T>
Json nested(const std::vector<T>& events) {
  Json list = Json::array();
  for (const T& event : events) {
    list.push_back(body(event));
    list.back().erase("t");
  }
  return list;
}

Json body(const TaskDone& e) {
  Json evals = Json::array();
  for (const EvalCount& c : e.evals) {
    evals.push_back({{"group", c.group},
                     {"n", c.n},
                     {"correct", c.correct},
                     {"correct5", c.correct5},
                     {"correct_within", c.correct_within},
                     {"loss_sum", c.loss_sum}});
  }
  return {{"t", "task_done"},
          {"task", e.task},
          {"classes", e.classes},
          {"evals", std::move(evals)},
          {"predictions", e.predictions},
          {"logit_hash", e.logit_hash},
          {"spans", nested(e.spans)},
          {"metrics", nested(e.metrics)}};
}

Json body(const Look& e) {
  Json passes = Json::array();
  for (const LookPass& p : e.passes)
    passes.push_back(
        {{"batch_size", p.batch_size}, {"predictions", p.predictions}, {"near_rows", p.near_rows}, {"near_classes", p.near_classes}});
  return {{"t", "look"},
          {"samples", e.samples},
          {"passes", std::move(passes)},
          {"confined", e.confined},
          {"proven", e.proven},
          {"false_folder", path_text(e.false_folder)},
          {"false_rows", e.false_rows}};
}

Hello hello(Members& m) {
  Hello e;
  e.pid = m.integer("pid", 0);
  e.runner_hash = m.text("runner_hash");
  e.plugin_hash = m.text("plugin_hash");
  e.dataset_hash = m.text("dataset_hash");
  e.libtorch = m.text("libtorch");
  e.device = m.text("device");
  e.dtype = m.text("dtype");
  e.cpu = m.text("cpu");
  e.cpu_flags = m.text("cpu_flags");
  e.cores = m.integer("cores", 0);
  e.threads = m.integer("threads", 0);
  return e;
}

Log log(Members& m) { return {m.choice("level", {"info", "warning"}), m.text("text")}; }

Progress progress(Members& m) {
  return {m.text("phase"), m.integer("task", -1), m.integer("done", 0), m.integer("total", 0), m.text("what")};
}

Metric metric(Members& m) {
  Metric e{m.text("name"), m.integer("task", -1), m.integer("step"), 0};
  e.value = m.any("value").is_null() ? std::numeric_limits<double>::quiet_NaN() : m.real("value");
  return e;
}

Span span(Members& m) { return {m.text("phase"), m.integer("task", -1), m.real("wall_s", 0), m.real("device_s", 0)}; }

Resource resource(Members values) {
  Resource e;
  for (const auto& [name, value] : values.json().items()) e.values[name] = values.real(name.c_str());
  return e;
}

EvalCount eval_count(Members& m) {
  EvalCount c;
  c.group = m.integer("group", 0);
  c.n = m.integer("n", 0);
  c.correct = m.integer("correct", 0, c.n);
  c.correct5 = m.integer("correct5", 0, c.n);
  c.correct_within = m.integer("correct_within", 0, c.n);
  c.loss_sum = m.real("loss_sum", 0);
  return c;
}

TaskDone task_done(Members& m) {
  TaskDone e;
  e.task = m.integer("task", 0);
  e.classes = m.integers("classes", 0);
  m.each("evals", [&](Members& c) { e.evals.push_back(eval_count(c)); });
  e.predictions = m.integers("predictions", -1);
  e.logit_hash = m.text("logit_hash");
  m.each("spans", [&](Members& s) { e.spans.push_back(span(s)); });
  m.each("metrics", [&](Members& s) { e.metrics.push_back(metric(s)); });
  return e;
}

Targets targets(Members& m) { return {m.text("split"), m.integers("labels", 0)}; }

LookPass look_pass(Members& m, size_t samples) {
  LookPass pass{m.integer("batch_size", 1), m.integers("predictions", 0), {}, {}};
  if (pass.predictions.size() != samples) m.fail("predictions", "are not one per sample");
  pass.near_rows = m.integers("near_rows", 0, static_cast<int64_t>(samples) - 1);
  pass.near_classes = m.integers("near_classes", 0);
  if (pass.near_rows.size() != pass.near_classes.size()) m.fail("near_classes", "are not one per row");
  m.finish();
  return pass;
}

Look look(Members& m) {
  Look e{m.integers("samples", 0), {}, m.flag("confined")};
  for (Members& pass : m.objects("passes")) e.passes.push_back(look_pass(pass, e.samples.size()));
  e.proven = m.texts("proven");
  e.false_folder = m.path_of("false_folder");
  e.false_rows = m.integer("false_rows", 0, static_cast<int64_t>(e.samples.size()));
  return e;
}

Failed failed(Members& m) {
  Failed e;
  e.status = m.choice("status", {"invalid", "unsupported", "no_memory", "cancelled", "numeric", "io", "state", "internal", "checkpoint"});
  e.text = m.text("text");
  e.file = m.text("file");
  e.line = m.integer("line", 0);
  e.task = m.integer("task", -1);
  e.phase = m.text("phase");
  e.of_user = m.flag("of_user");
  return e;
}

Event by_type(const std::string& type, Members& m) {
  if (type == "hello") return hello(m);
  if (type == "log") return log(m);
  if (type == "progress") return progress(m);
  if (type == "metric") return metric(m);
  if (type == "span") return span(m);
  if (type == "resource") return resource(m.object("values"));
  if (type == "task_done") return task_done(m);
  if (type == "targets") return targets(m);
  if (type == "look") return look(m);
  if (type == "done") return Done{resource(m.object("resource"))};
  if (type == "error") return failed(m);
  m.fail("t", "is the unknown type " + canonical(type) + "; clbench and clb-runner are of different versions");
}

Json parse_line(std::string_view line) {
  if (line.size() > kMaxLine) throw Error("event: a line of " + std::to_string(line.size()) + " bytes is too long", Exit::kInternal);
  try {
    return parse_json(line, "event");
  } catch (const Error& error) {
    throw Error(error.what(), Exit::kInternal);
  }
}

}  // namespace

std::string encode(const Event& event) {
  Json json = std::visit([](const auto& e) { return body(e); }, event);
  json["v"] = kEventVersion;
  return canonical(json);
}

Event decode(std::string_view line) {
  const Json json = parse_line(line);
  Members m(json, "event", Exit::kInternal);
  m.integer("v", kEventVersion, kEventVersion);
  const std::string type = m.text("t");
  Members members(json, "event \"" + (type.size() <= 16 ? type : type.substr(0, 16)) + "\"", Exit::kInternal);
  members.any("v");
  members.any("t");
  Event event = by_type(type, members);
  members.finish();
  return event;
}

}  // namespace clb::base
