// What is stored is recounted; whatever was changed afterwards is named.
#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <clb/audit/audit.hpp>
#include <clb/base/describe.hpp>

#include "results_fixture.hpp"

namespace clb::results_test {
namespace {

using store::Store;

// 60 samples, ten of each class; the spec evaluates all of them. Class order 5 3 1 0 2 4 in tasks of two.
std::vector<int64_t> labels() {
  std::vector<int64_t> list;
  for (int64_t i = 0; i < 60; ++i) list.push_back(i % 6);
  return list;
}

base::RunSpec spec_of(int64_t seed = 0) {
  base::RunSpec spec = sample_spec(seed);
  spec.dataset.test_per_class = 0;
  return spec;
}

// Task `task` with predictions that are right for every third sample, and the counts that belong to them.
base::TaskDone honest_task(const base::RunSpec& spec, int64_t task) {
  base::TaskDone done = sample_task(task, {}, {});
  const std::vector<int64_t>& order = spec.protocol.class_order;
  done.classes = {order[static_cast<size_t>(2 * task)], order[static_cast<size_t>(2 * task + 1)]};
  done.predictions.clear();
  for (int64_t group = 0; group <= task; ++group) done.evals.push_back({group, 0, 0, 0, 0, 1.0});
  const std::vector<int64_t> targets = labels();
  for (size_t i = 0; i < targets.size(); ++i) {
    const auto position = std::find(order.begin(), order.end(), targets[i]) - order.begin();
    if (position / 2 > task) {
      done.predictions.push_back(-1);
      continue;
    }
    const bool right = i % 3 == 0;
    done.predictions.push_back(right ? targets[i] : order[static_cast<size_t>(position == 0 ? 1 : 0)]);
    base::EvalCount& count = done.evals[static_cast<size_t>(position / 2)];
    ++count.n;
    count.correct += right;
    count.correct_within += right;
    count.correct5 += 1;  // at most six classes are seen, and none of ours is sixth
  }
  return done;
}

class Audit : public ResultsTest {
 protected:
  void fill() const {
    Store store = writer();
    for (int64_t seed = 0; seed < 2; ++seed) {
      const base::RunSpec spec = spec_of(seed);
      const int64_t attempt = store.begin_attempt(spec, sample_start());
      store.add_targets(attempt, {"test", labels()});
      for (int64_t task = 0; task < 3; ++task) store.add_task(attempt, honest_task(spec, task));
      store.add_status(attempt, {"ok", "", "", ""});
    }
  }
  void change(const std::string& table, const std::string& sql) const {
    SQLite::Database db(file().string(), SQLite::OPEN_READWRITE);
    db.exec("DROP TRIGGER IF EXISTS " + table + "_no_update; DROP TRIGGER IF EXISTS " + table + "_no_delete; " + sql);
  }
  audit::Report audited(const std::string& key = "") const { return audit::audit(file(), {.run_key = key, .facts = {}, .progress = {}}); }
};

TEST_F(Audit, honest_runs_are_ok) {
  fill();
  const audit::Report report = audited();
  ASSERT_EQ(report.runs.size(), 2u);
  EXPECT_TRUE(report.same()) << (report.runs[0].differences.empty() ? "" : report.runs[0].differences[0]);
  EXPECT_EQ(report.unchecked(), 0u);
  EXPECT_EQ(report.runs[0].counts, 6);
}

TEST_F(Audit, every_change_by_hand_is_found_and_named) {
  struct Case {
    const char *table, *sql, *says;
  };
  const std::vector<Case> cases{
      {"eval", "UPDATE eval SET correct = correct + 1 WHERE attempt_id = 1 AND after_task = 1 AND on_group = 0",
       "after task 2 on group 1: correct is "},
      {"eval", "UPDATE eval SET n = n + 1 WHERE attempt_id = 1 AND after_task = 0", "after task 1 on group 1: n is 21, recounted 20"},
      {"eval", "UPDATE eval SET correct_within = n WHERE attempt_id = 1 AND after_task = 0", "correct within the group is 20, recounted"},
      {"eval", "UPDATE eval SET correct5 = 3 WHERE attempt_id = 1 AND after_task = 1 AND on_group = 1",
       "correct in the top 5 is 3, recounted 20"},
      {"eval", "DELETE FROM eval WHERE attempt_id = 1 AND after_task = 2 AND on_group = 2", "after task 3: group 3 was not evaluated"},
      {"prediction", "UPDATE prediction SET sha256 = replace(sha256, substr(sha256, 1, 4), '0000') WHERE id = 1", "checksum does not fit"},
      {"prediction",
       "UPDATE prediction SET data = (SELECT data FROM prediction WHERE id = 3), sha256 = (SELECT sha256 FROM prediction "
       "WHERE id = 3) WHERE id = 1",
       "which was not learned by then"},
      {"task", "UPDATE task SET classes = '[0,1]' WHERE attempt_id = 1 AND after_task = 1", "its classes are not those"},
      {"run_spec", "UPDATE run_spec SET spec = json_set(spec, '$.method.params.scale', 2.0) WHERE run_id = 1",
       "its key is not the hash of its spec"},
      {"run_spec", "UPDATE run_spec SET spec = '{' WHERE run_id = 1", "its spec"},
      {"run", "UPDATE run SET seed = 7 WHERE id = 1", "seed is '7', its spec says '0'"},
      {"run", "UPDATE run SET comparability_key = 'x' WHERE id = 1", "comparability_key is 'x'"},
      {"parameter", "UPDATE parameter SET value = '3' WHERE name = 'scale'", "parameters is "},
      {"dataset", "UPDATE dataset SET fingerprint = 'x'", "dataset.fingerprint is 'x'"},
      {"protocol", "UPDATE protocol SET split = 'B0-Inc3'", "protocol.split is 'B0-Inc3', its spec says 'B0-Inc2'"},
      {"logit_hash", "UPDATE logit_hash SET sha256 = 'x' WHERE attempt_id = 1 AND after_task = 0", "the hash of its logits"},
      {"outcome", "UPDATE outcome SET data = (SELECT data FROM outcome WHERE id = 3) WHERE id = 1",
       "after task 1: the stored outcomes are not those of its predictions"},
      {"target", "UPDATE target SET split = 'train'", "labels of the split train, evaluated was test"},
      {"attempt_event", "DELETE FROM eval; DELETE FROM prediction; DELETE FROM logit_hash; DELETE FROM task WHERE after_task = 2",
       "ended ok with 2 of 3 tasks"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.sql);
    fs::remove(file());
    fill();
    for (const char* table : {"eval", "prediction", "logit_hash", "task"}) change(table, "SELECT 1");
    change(c.table, std::string("PRAGMA foreign_keys = OFF; ") + c.sql);
    const audit::Report report = audited();
    EXPECT_FALSE(report.same());
    bool said = false;
    for (const audit::RunAudit& run : report.runs)
      for (const std::string& sentence : run.differences) said = said || sentence.find(c.says) != std::string::npos;
    EXPECT_TRUE(said) << (report.runs[0].differences.empty() ? "no difference" : report.runs[0].differences[0]);
  }
}

TEST_F(Audit, rows_that_runs_share_are_checked_too) {
  fill();
  change("machine", "UPDATE machine SET cores = 64");
  const audit::Report report = audited();
  EXPECT_FALSE(report.same());
  ASSERT_EQ(report.differences.size(), 1u);
  EXPECT_NE(report.differences[0].find("machine"), std::string::npos);
}

TEST_F(Audit, what_has_no_predictions_is_not_called_ok) {
  fill();
  change("seal", "DELETE FROM seal");  // as an older clbench would have written them
  change("prediction", "DELETE FROM prediction WHERE attempt_id = 2");
  const audit::Report report = audited();
  EXPECT_TRUE(report.same());
  EXPECT_EQ(report.unchecked(), 1u);
}

TEST_F(Audit, stored_labels_are_compared_with_the_data) {
  fill();
  audit::DatasetFacts facts{spec_of().dataset.fingerprint, {{"test", base::labels_hash(labels())}}, {}, ""};
  const auto with = [&] {
    return audit::audit(file(), {.run_key = "", .facts = [&](const base::DatasetSpec&) { return facts; }, .progress = {}});
  };
  EXPECT_TRUE(with().same());
  EXPECT_EQ(with().runs[0].labels, "equal to those of the data");
  std::vector<int64_t> swapped = labels();  // as many of each class
  std::swap(swapped.front(), swapped.back());
  facts.labels["test"] = base::labels_hash(swapped);
  EXPECT_EQ(with().differing(), 2u);
  facts.fingerprint = "another";
  EXPECT_NE(with().runs[0].differences.at(0).find("fingerprint"), std::string::npos);
  facts.missing = "not on this machine";
  EXPECT_TRUE(with().same());
  EXPECT_EQ(with().runs[0].labels, "not on this machine");
}

TEST_F(Audit, weights_and_plugins_are_compared_with_the_files) {
  fill();
  base::RunSpec spec = spec_of();
  std::map<std::string, std::string> files{{spec.method.file, sample_start().plugin_hash}};
  for (const base::WeightsSpec& weights : spec.weights) files[weights.file] = weights.sha256;
  const auto with = [&] {
    return audit::audit(file(),
                        {.run_key = "", .facts = {}, .sha256 = [&](const std::string& name) { return files[name]; }, .progress = {}});
  };
  EXPECT_TRUE(with().same());
  EXPECT_EQ(with().runs[0].plugin, "the file is the one that ran");
  files[spec.method.file] = "another";
  EXPECT_TRUE(with().same());
  EXPECT_EQ(with().runs[0].plugin, "the file is another build than the one that ran");
  for (const base::WeightsSpec& weights : spec.weights) {
    EXPECT_EQ(with().runs[0].weights, "the files have the digests of the runs");
    files[weights.file] = "another";
    EXPECT_EQ(with().differing(), 2u);
    files[weights.file] = "";
    EXPECT_TRUE(with().same());
  }
}

TEST_F(Audit, one_run_by_its_key) {
  fill();
  EXPECT_EQ(audited(spec_of(1).key().substr(0, 12)).runs.at(0).seed, 1);
  EXPECT_NE(sentence([&] { audited("0123"); }).find("there is no run"), std::string::npos);
}

TEST(Recount, streams_of_other_kinds) {
  base::RunSpec spec = spec_of();
  const std::vector<int64_t> targets{5, 3, 1, 0, 2, 4}, predicted{5, 3, 0, 0, -1, -1};
  const base::EvalCount first{0, 2, 2, 2, 2, 0}, second{1, 2, 1, 2, 1, 0};
  EXPECT_TRUE(audit::recount(spec, 1, {first, second}, predicted, targets).empty());

  spec.protocol.joint = true;  // all groups up to stop_after at once
  spec.protocol.stop_after = 2;
  EXPECT_TRUE(audit::recount(spec, 0, {first, second}, predicted, targets).empty());
  spec.protocol.joint = false;

  spec.protocol.kind = "task";  // predictions within the task: within the group is what is correct
  EXPECT_TRUE(audit::recount(spec, 1, {first, second}, predicted, targets).empty());
  EXPECT_FALSE(audit::recount(spec, 1, {first, {1, 2, 1, 2, 2, 0}}, predicted, targets).empty());

  spec.protocol.kind = "domain";  // groups together
  spec.protocol.domain_order = {0, 1, 2};
  spec.protocol.task_sizes = {6, 6, 6};
  EXPECT_TRUE(audit::recount(spec, 1, {{0, 3, 2, 3, 2, 0}, {1, 1, 1, 1, 1, 0}}, predicted, targets).empty());
  EXPECT_FALSE(audit::recount(spec, 1, {{0, 3, 3, 3, 3, 0}, {1, 1, 1, 1, 1, 0}}, predicted, targets).empty());
}

TEST(Recount, a_subset_takes_the_first_samples_of_each_class) {
  base::RunSpec spec = spec_of();
  spec.dataset.test_per_class = 1;
  const std::vector<int64_t> targets{5, 5, 3, 3};
  EXPECT_TRUE(audit::recount(spec, 0, {{0, 2, 2, 2, 2, 0}}, {5, -1, 3, -1}, targets).empty());
  const std::vector<std::string> faults = audit::recount(spec, 0, {{0, 2, 2, 2, 2, 0}}, {-1, 5, 3, -1}, targets);
  ASSERT_FALSE(faults.empty());
  EXPECT_NE(faults[0].find("sample 0 has no prediction"), std::string::npos) << faults[0];
}

}  // namespace
}  // namespace clb::results_test
