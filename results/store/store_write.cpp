#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>

#include "blob.hpp"
#include "content.hpp"
#include "fold.hpp"
#include "impl.hpp"
#include "outcome.hpp"

namespace clb::store {
namespace {

std::string now(SQLite::Database& db) { return db.execAndGet("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')").getString(); }

// Now, but behind every earlier attempt of the run: with a clock that was set back the newest attempt would else be taken for an old one.
std::string start_of_next(SQLite::Database& db, int64_t run) {
  SQLite::Statement query(
      db,
      "SELECT max(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', max(started_at), '+0.001 "
      "seconds'), '')) FROM attempt WHERE run_id = ?");
  query.bind(1, run);
  query.executeStep();
  return query.getColumn(0).getString();
}

void append_status(SQLite::Database& db, int64_t attempt, const AttemptStatus& status) {
  insert(db, "attempt_event",
         {{"attempt_id", attempt},
          {"seq", next_seq(db, "attempt_event", attempt)},
          {"at", status.at.empty() ? now(db) : status.at},
          {"status", status.status},
          {"reason", status.reason},
          {"log_tail", status.log_tail}});
}

void append_spans(SQLite::Database& db, int64_t attempt, const std::vector<base::Span>& spans) {
  int64_t seq = next_seq(db, "span", attempt);
  for (const base::Span& span : spans)
    insert(db, "span",
           {{"attempt_id", attempt},
            {"seq", seq++},
            {"phase", span.phase},
            {"task", span.task},
            {"wall_s", span.wall_s},
            {"device_s", span.device_s}});
}

void append_metrics(SQLite::Database& db, int64_t attempt, const std::vector<base::Metric>& metrics) {
  // Not insert(): there may be very many, and each would be translated anew.
  SQLite::Statement statement(db, "INSERT INTO scalar (attempt_id, name, task, step, value) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
  statement.bind(1, attempt);
  for (const base::Metric& metric : metrics) {
    statement.bind(2, metric.name);
    statement.bind(3, metric.task);
    statement.bind(4, metric.step);
    store::bind(statement, 5, real(metric.value));
    statement.exec();
    statement.reset();
  }
}

bool has_task(SQLite::Database& db, int64_t attempt, int64_t task) {
  SQLite::Statement query(db, "SELECT 1 FROM task WHERE attempt_id = ? AND after_task = ?");
  query.bind(1, attempt);
  query.bind(2, task);
  return query.executeStep();
}

}  // namespace

int64_t Store::add_run(const base::RunSpec& spec) {
  return impl_->write([&](SQLite::Database& db) { return run_id(db, spec); });
}

int64_t Store::begin_attempt(const base::RunSpec& spec, const AttemptStart& start) {
  return impl_->write([&](SQLite::Database& db) {
    const int64_t run = run_id(db, spec);
    insert(db, "attempt",
           {{"uuid", boost::uuids::to_string(boost::uuids::random_generator()())},
            {"run_id", run},
            {"build_id", build_id(db, start.build)},
            {"plugin_id", plugin_id(db, "method", spec.method.id, start.plugin_version, start.plugin_hash)},
            {"dataset_plugin_id", plugin_id(db, "dataset", spec.dataset.id, start.dataset_version, start.dataset_hash)},
            {"machine_id", machine_id(db, start.machine)},
            {"runner_hash", start.runner_hash},
            {"libtorch", start.libtorch},
            {"command", start.command},
            {"started_at", start_of_next(db, run)}});
    const int64_t attempt = db.getLastInsertRowid();
    append_status(db, attempt, {.status = "running", .reason = {}, .log_tail = {}, .at = {}});
    return attempt;
  });
}

void Store::add_hello(int64_t attempt, const base::Hello& hello) {
  impl_->write_of(attempt, [&](SQLite::Database& db) {
    insert(db, "hello",
           {{"attempt_id", attempt},
            {"seq", next_seq(db, "hello", attempt)},
            {"libtorch", hello.libtorch},
            {"device", hello.device},
            {"dtype", hello.dtype},
            {"cpu", hello.cpu},
            {"cpu_flags", hello.cpu_flags},
            {"cores", hello.cores},
            {"threads", hello.threads}});
  });
}

void Store::add_targets(int64_t attempt, const base::Targets& targets) {
  const Blob blob = pack(targets.labels);
  impl_->write_of(attempt, [&](SQLite::Database& db) {
    SQLite::Statement dataset(db, "SELECT run.dataset_id FROM attempt JOIN run ON run.id = attempt.run_id WHERE attempt.id = ?");
    dataset.bind(1, attempt);
    if (!dataset.executeStep()) throw base::Error("no attempt " + std::to_string(attempt) + " in the store", base::Exit::kInternal);
    const int64_t owner = dataset.getColumn(0).getInt64();
    insert(db, "target",
           {{"dataset_id", owner},
            {"split", targets.split},
            {"n", blob.n},
            {"width", blob.width},
            {"sha256", blob.sha256},
            {"data", Bytes{blob.data}}});
    SQLite::Statement target(db, "SELECT id FROM target WHERE dataset_id = ? AND split = ? AND sha256 = ?");
    target.bind(1, owner);
    target.bind(2, targets.split);
    target.bind(3, blob.sha256);
    target.executeStep();
    insert(db, "attempt_target", {{"attempt_id", attempt}, {"target_id", target.getColumn(0).getInt64()}});
  });
}

void Store::add_task(int64_t attempt, const base::TaskDone& task) {
  const Blob blob = pack(task.predictions);
  impl_->write_of(attempt, [&](SQLite::Database& db) {
    if (has_task(db, attempt, task.task)) return;
    insert(db, "task",
           {{"attempt_id", attempt}, {"after_task", task.task}, {"classes", base::canonical(base::Json(task.classes))}, {"at", now(db)}});
    for (const base::EvalCount& count : task.evals)
      insert(db, "eval",
             {{"attempt_id", attempt},
              {"after_task", task.task},
              {"on_group", count.group},
              {"n", count.n},
              {"correct", count.correct},
              {"correct5", count.correct5},
              {"correct_within", count.correct_within},
              {"loss_sum", real(count.loss_sum)}});
    insert(db, "prediction",
           {{"attempt_id", attempt},
            {"after_task", task.task},
            {"n", blob.n},
            {"width", blob.width},
            {"sha256", blob.sha256},
            {"data", Bytes{blob.data}}});
    append_outcome(db, impl_->file, attempt, task.task, task.predictions);
    insert(db, "logit_hash", {{"attempt_id", attempt}, {"after_task", task.task}, {"sha256", task.logit_hash}});
    append_spans(db, attempt, task.spans);
    append_metrics(db, attempt, task.metrics);
  });
}

void Store::add_spans(int64_t attempt, const std::vector<base::Span>& spans) {
  impl_->write_of(attempt, [&](SQLite::Database& db) { append_spans(db, attempt, spans); });
}

void Store::add_metrics(int64_t attempt, const std::vector<base::Metric>& metrics) {
  impl_->write_of(attempt, [&](SQLite::Database& db) { append_metrics(db, attempt, metrics); });
}

void Store::add_resource(int64_t attempt, const base::Resource& resource) {
  impl_->write_of(attempt, [&](SQLite::Database& db) {
    const int64_t seq = next_seq(db, "resource", attempt);
    for (const auto& [name, value] : resource.values)
      insert(db, "resource", {{"attempt_id", attempt}, {"name", name}, {"seq", seq}, {"value", value}});
  });
}

void Store::add_second_look(int64_t attempt, const base::SecondLook& look) {
  impl_->write_of(attempt, [&](SQLite::Database& db) {
    insert(db, "second_look",
           {{"attempt_id", attempt},
            {"outcome", look.outcome},
            {"reason", look.reason},
            {"samples", look.samples},
            {"differing", look.differing},
            {"near_ties", look.near_ties},
            {"seconds", look.seconds},
            {"confined", static_cast<int64_t>(look.confined)}});
  });
}

void Store::add_status(int64_t attempt, const AttemptStatus& status) {
  impl_->write_of(attempt, [&](SQLite::Database& db) { append_status(db, attempt, status); });
}

void Store::fold_log() { fold(impl_->db()); }

void Store::mark_lost_attempts() {
  impl_->write([&](SQLite::Database& db) {
    std::vector<int64_t> running;
    SQLite::Statement query(db, "SELECT attempt_id FROM attempt_status WHERE status = 'running' ORDER BY attempt_id");
    while (query.executeStep()) running.push_back(query.getColumn(0).getInt64());
    for (int64_t attempt : running) {
      append_status(db, attempt, {.status = "lost", .reason = "its launcher died before it ended", .log_tail = {}, .at = {}});
      impl_->seal(db, attempt);
    }
  });
}

}  // namespace clb::store
