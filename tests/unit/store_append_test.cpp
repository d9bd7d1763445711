// What is appended is there, once, and cannot be changed.
#include <SQLiteCpp/SQLiteCpp.h>

#include <cmath>
#include <limits>
#include <set>

#include "results_fixture.hpp"

namespace clb::results_test {
namespace {

using store::Store;

class StoreAppend : public ResultsTest {};

TEST_F(StoreAppend, everything_written_is_read_back) {
  Store store = writer();
  const int64_t attempt = store.begin_attempt(sample_spec(7), sample_start());
  base::Hello hello;
  hello.device = "cpu";
  hello.dtype = "float32";
  hello.threads = 2;
  store.add_hello(attempt, hello);
  store.add_targets(attempt, {"test", {0, 1, 2, 3, 4, 5}});
  const base::TaskDone task = sample_task(0, {20}, {15});
  store.add_task(attempt, task);
  store.add_spans(attempt, {{"load", -1, 2.0, 0.0}});
  store.add_metrics(attempt, {{"loss", 0, 2, std::numeric_limits<double>::infinity()}});
  store.add_resource(attempt, {{{"peak_rss_bytes", 1e9}}});
  store.add_resource(attempt, {{{"peak_rss_bytes", 2e9}}});
  store.add_status(attempt, {"ok", "", "last line", ""});

  const std::vector<store::RunRow> runs = store.runs();
  ASSERT_EQ(runs.size(), 1u);
  const store::RunRow& run = runs[0];
  EXPECT_EQ(run.key, sample_spec(7).key());
  EXPECT_EQ(run.experiment, "small");
  EXPECT_EQ(run.seed, 7);
  EXPECT_EQ(run.status.status, "ok");
  EXPECT_EQ(run.status.log_tail, "last line");
  EXPECT_EQ(run.status.at.size(), std::string("2025-01-31T12:00:00.000Z").size());
  EXPECT_EQ(run.tasks_done, 1);
  EXPECT_EQ(run.tasks_planned, 3);
  EXPECT_EQ(run.plugin_hash, fake_hash("plugin"));
  EXPECT_EQ(run.commit, "abc123");
  EXPECT_EQ(run.command, "clbench run small.toml");
  EXPECT_EQ(run.device, "cpu");
  EXPECT_EQ(run.machine.cores, 2);
  EXPECT_DOUBLE_EQ(run.wall_s, 3.5);
  EXPECT_EQ(run.uuid, store.attempt_uuid(attempt));
  EXPECT_FALSE(run.spec.contains("execution"));
  EXPECT_EQ(run.spec.at("method").at("id"), "simplecil");

  ASSERT_EQ(store.evals(attempt).size(), 1u);
  EXPECT_EQ(store.evals(attempt)[0].count.correct, 15);
  EXPECT_DOUBLE_EQ(store.evals(attempt)[0].count.loss_sum, 10.0);
  EXPECT_EQ(store.prediction(attempt, 0), task.predictions);
  EXPECT_EQ(store.targets(attempt).labels, (std::vector<int64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(store.logit_hashes(attempt).at(0), task.logit_hash);
  ASSERT_EQ(store.spans(attempt).size(), 3u);
  EXPECT_EQ(store.spans(attempt)[2].phase, "load");
  EXPECT_EQ(store.resources(attempt).at("peak_rss_bytes"), 2e9);
  ASSERT_EQ(store.metrics(attempt).size(), 2u);
  EXPECT_EQ(store.metrics(attempt)[0].value, 0.25);
  EXPECT_TRUE(std::isnan(store.metrics(attempt)[1].value));
}

// Rows of a table and series are made of runs with one configuration: seeds of it are averaged, other data beside the stream are not seeds.
TEST_F(StoreAppend, runs_with_other_assets_or_texts_have_another_configuration) {
  store::Store store = writer();
  base::RunSpec plain = sample_spec(0), another_seed = sample_spec(1), asset = sample_spec(2), text = sample_spec(3), role = sample_spec(4);
  asset.assets["reference"] = fake_hash("pictures");
  text.text.names = {"a cat", "a dog", "a cow", "a hen", "a pig", "a fox"};
  role.weights[0].train_transform = role.method.train_transform;
  role.weights[0].train_transform->flip = 0.5;
  for (const base::RunSpec* spec : {&plain, &another_seed, &asset, &text, &role}) store.add_run(*spec);
  std::map<int64_t, std::string> config;
  for (const store::RunRow& run : store.runs()) config[run.seed] = run.config_key;
  EXPECT_EQ(config.at(1), config.at(0));
  for (const int64_t other : {2, 3, 4}) EXPECT_NE(config.at(other), config.at(0)) << other;
  EXPECT_NE(config.at(2), config.at(3));
}

TEST_F(StoreAppend, a_task_sent_twice_is_there_once) {
  Store store = writer();
  const int64_t attempt = store.begin_attempt(sample_spec(), sample_start());
  store.add_task(attempt, sample_task(0, {20}, {15}));
  store.add_task(attempt, sample_task(0, {20}, {3}));
  EXPECT_EQ(store.evals(attempt)[0].count.correct, 15);
  EXPECT_EQ(store.spans(attempt).size(), 2u);
  EXPECT_EQ(store.runs()[0].tasks_done, 1);
}

TEST_F(StoreAppend, a_task_with_impossible_counts_is_refused_whole) {
  Store store = writer();
  const int64_t attempt = store.begin_attempt(sample_spec(), sample_start());
  sentence([&] { store.add_task(attempt, sample_task(0, {20}, {21})); }, base::Exit::kInternal);
  EXPECT_EQ(store.runs()[0].tasks_done, 0);
  EXPECT_TRUE(store.spans(attempt).empty());
  sentence([&] { store.add_task(attempt + 1, sample_task(0, {20}, {2})); }, base::Exit::kInternal);
}

TEST_F(StoreAppend, content_is_stored_once_for_many_runs) {
  Store store = writer();
  for (int64_t seed = 0; seed < 3; ++seed) {
    const int64_t attempt = store.begin_attempt(sample_spec(seed), sample_start());
    store.add_targets(attempt, {"test", {0, 1, 2}});
  }
  SQLite::Database db(file().string());
  for (const char* table : {"config", "dataset", "protocol", "weights", "machine", "build", "target"})
    EXPECT_EQ(db.execAndGet(std::string("SELECT count(*) FROM ") + table).getInt(), 1) << table;
  EXPECT_EQ(db.execAndGet("SELECT count(*) FROM plugin").getInt(), 2);  // the method and the dataset
  EXPECT_EQ(db.execAndGet("SELECT count(*) FROM parameter").getInt(), 2);
  EXPECT_EQ(db.execAndGet("SELECT count(*) FROM run").getInt(), 3);
  EXPECT_EQ(db.execAndGet("SELECT count(DISTINCT comparability_key) FROM run").getInt(), 1);
  EXPECT_EQ(db.execAndGet("PRAGMA journal_mode").getString(), "wal");
}

TEST_F(StoreAppend, no_row_of_any_table_can_be_changed_or_removed) {
  {
    Store store = writer();
    const int64_t attempt = store.begin_attempt(sample_spec(), sample_start());
    store.add_hello(attempt, {});
    store.add_targets(attempt, {"test", std::vector<int64_t>(60, 1)});
    store.add_task(attempt, sample_task(0, {20}, {15}));
    store.add_resource(attempt, {{{"updates", 3}}});
    store.add_second_look(attempt, {.outcome = "same", .reason = {}, .samples = 20});
  }
  SQLite::Database db(file().string(), SQLite::OPEN_READWRITE);
  std::vector<std::pair<std::string, std::string>> tables;  // name, one column
  SQLite::Statement query(
      db, "SELECT t.name, (SELECT name FROM pragma_table_info(t.name) LIMIT 1) FROM sqlite_schema AS t WHERE type = 'table'");
  while (query.executeStep()) tables.emplace_back(query.getColumn(0).getString(), query.getColumn(1).getString());
  EXPECT_EQ(tables.size(), 31u);
  int tried = 0;
  for (const auto& [table, column] : tables) {
    if (db.execAndGet("SELECT count(*) FROM " + table).getInt() == 0) continue;
    ++tried;
    EXPECT_THROW(db.exec("UPDATE " + table + " SET " + column + " = " + column), SQLite::Exception) << table;
    EXPECT_THROW(db.exec("DELETE FROM " + table), SQLite::Exception) << table;
  }
  EXPECT_EQ(tried, 26);  // all but reference, annotation and the two of imported rows
}

TEST_F(StoreAppend, a_planned_run_is_listed_before_its_first_attempt) {
  Store store = writer();
  base::RunSpec spec = sample_spec();
  store.add_run(spec);
  store.add_run(spec);
  spec.experiment = "large";
  store.add_run(spec);
  const std::vector<store::RunRow> runs = store.runs();
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].attempt_id, 0);
  EXPECT_EQ(runs[0].status.status, "");
  EXPECT_EQ(runs[0].experiment, "small");
  EXPECT_EQ(runs[0].experiments, (std::vector<std::string>{"large", "small"}));
}

TEST_F(StoreAppend, finished_asks_for_plugin_and_runner) {
  Store store = writer();
  const std::string key = sample_spec().key(), plugin = fake_hash("plugin"), runner = fake_hash("runner");
  EXPECT_FALSE(store.finished(key, plugin, runner, false));
  const int64_t attempt = store.begin_attempt(sample_spec(), sample_start());
  EXPECT_FALSE(store.finished(key, plugin, runner, true)) << "it still runs";
  store.add_status(attempt, {"ok", "", "", ""});
  EXPECT_EQ(store.finished(key, plugin, runner, false), attempt);
  EXPECT_FALSE(store.finished(key, fake_hash("newer"), runner, false));
  EXPECT_FALSE(store.finished(key, plugin, fake_hash("newer"), false));
  EXPECT_EQ(store.finished(key, fake_hash("newer"), fake_hash("newer"), true), attempt);
}

TEST_F(StoreAppend, runs_prefer_the_attempt_that_ended_well) {
  Store store = writer();
  const int64_t good = store.begin_attempt(sample_spec(), sample_start());
  store.add_status(good, {"ok", "", "", ""});
  const int64_t bad = store.begin_attempt(sample_spec(), sample_start());
  store.add_status(bad, {"crashed", "SIGSEGV in train_task, task 3", "", ""});
  EXPECT_EQ(store.runs()[0].attempt_id, good);
  EXPECT_EQ(store.runs()[0].attempts, 2);
}

TEST_F(StoreAppend, attempts_of_a_dead_launcher_become_lost) {
  Store store = writer();
  const int64_t ended = store.begin_attempt(sample_spec(0), sample_start());
  store.add_status(ended, {"failed", "numeric: NaN", "", ""});
  store.begin_attempt(sample_spec(1), sample_start());
  store.mark_lost_attempts();
  store.mark_lost_attempts();
  EXPECT_EQ(store.runs()[0].status.status, "failed");
  EXPECT_EQ(store.runs()[1].status.status, "lost");
}

TEST_F(StoreAppend, expected_time_is_the_mean_of_finished_runs_alike) {
  Store store = writer();
  EXPECT_FALSE(store.expected_seconds(sample_spec()));
  for (int64_t seed = 0; seed < 2; ++seed) {
    const int64_t attempt = store.begin_attempt(sample_spec(seed), sample_start());
    store.add_spans(attempt, {{"load", -1, 10.0 + 20.0 * static_cast<double>(seed), 0}});
    if (seed == 0) {
      EXPECT_FALSE(store.expected_seconds(sample_spec())) << "not finished";
    }
    store.add_status(attempt, {"ok", "", "", ""});
  }
  EXPECT_DOUBLE_EQ(store.expected_seconds(sample_spec(5)).value(), 20.0);
  EXPECT_FALSE(store.expected_seconds(sample_spec(5, "l2p")));
  base::RunSpec other = sample_spec();
  other.weights[0].sha256 = fake_hash("other");
  EXPECT_FALSE(store.expected_seconds(other));
}

TEST_F(StoreAppend, costs_on_machines_of_this_class_come_before_others) {
  Store store = writer();
  const store::Machine here = sample_start().machine;
  EXPECT_FALSE(store.cost(sample_spec(), here));
  const auto add = [&](const base::RunSpec& spec, const std::string& cpu, double seconds) {
    store::AttemptStart start = sample_start();
    start.machine.cpu = cpu;
    const int64_t attempt = store.begin_attempt(spec, start);
    store.add_spans(attempt, {{"load", -1, seconds, 0}});
    store.add_status(attempt, {"ok", "", "", ""});
  };
  add(sample_spec(0), "Another CPU", 100);
  const store::Cost elsewhere = store.cost(sample_spec(), here).value();
  EXPECT_EQ(elsewhere.seconds, 100);
  EXPECT_FALSE(elsewhere.same_class);
  EXPECT_TRUE(elsewhere.same_config);
  base::RunSpec other = sample_spec(1);
  other.method.params["scale"] = 2.0;
  add(other, here.cpu, 30);
  const store::Cost likewise = store.cost(sample_spec(), here).value();
  EXPECT_EQ(likewise.seconds, 30);
  EXPECT_TRUE(likewise.same_class);
  EXPECT_FALSE(likewise.same_config);
  add(sample_spec(2), here.cpu, 7);
  add(sample_spec(3), here.cpu, 9);
  const store::Cost same = store.cost(sample_spec(), here).value();
  EXPECT_EQ(same.seconds, 8);
  EXPECT_TRUE(same.same_class && same.same_config);
  EXPECT_FALSE(store.cost(sample_spec(0, "l2p"), here));
  store::Machine more = here;
  more.cores *= 2;
  EXPECT_TRUE(store::same_class(here, here));
  EXPECT_FALSE(store::same_class(here, more));
}

TEST_F(StoreAppend, what_is_published_is_a_whole_file_of_its_own) {
  const fs::path published = file("part.sqlite");
  Store store = writer();
  const int64_t attempt = store.begin_attempt(sample_spec(), sample_start());
  store.add_task(attempt, sample_task(0, {20}, {15}));
  store.publish(published);
  store.add_task(attempt, sample_task(1, {20, 20}, {15, 10}));
  {
    const Store before = Store::open(published, Store::Mode::kRead);
    EXPECT_EQ(before.runs().at(0).tasks_done, 1) << "as of then";
  }
  store.publish(published);
  EXPECT_EQ(Store::open(published, Store::Mode::kRead).runs().at(0).tasks_done, 2);
  std::ifstream head(published, std::ios::binary);
  head.seekg(18);
  EXPECT_EQ(head.get(), 1) << "no write-ahead log, which needs shared memory";
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(published.parent_path())) names.insert(entry.path().filename());
  for (const std::string& name : names) EXPECT_FALSE(name.ends_with(".tmp") || name.starts_with("part.sqlite-")) << name;
  EXPECT_NE(sentence([&] { store.publish(file("no/such/folder.sqlite")); }).find("folder.sqlite"), std::string::npos);
}

TEST_F(StoreAppend, a_reader_cannot_write) {
  writer();
  Store store = reader();
  sentence([&] { store.add_run(sample_spec()); }, base::Exit::kInternal);
}

}  // namespace
}  // namespace clb::results_test
