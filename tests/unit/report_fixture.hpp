// A database that holds every kind of row once, for the tests of what is printed of it.
#pragma once

#include <clb/meta.h>

#include <map>
#include <string>
#include <vector>

#include "results_fixture.hpp"

namespace clb::results_test {

using store::Store;

// Three tasks with groups of 10, 20 and 30 samples, of which a share that grows with `skill` is right.
inline void add_tasks(Store& store, int64_t attempt, int64_t skill) {
  const std::vector<int64_t> n{10, 20, 30};
  for (int64_t task = 0; task < 3; ++task) {
    std::vector<int64_t> correct;
    for (int64_t group = 0; group <= task; ++group) correct.push_back(n[static_cast<size_t>(group)] / 2 + skill - (task - group));
    store.add_task(attempt, sample_task(task, {n.begin(), n.begin() + task + 1}, correct));
  }
}

inline int64_t finish(Store& store, const base::RunSpec& spec, int64_t skill, const std::map<std::string, double>& resources = {},
                      const store::AttemptStart& start = sample_start()) {
  const int64_t attempt = store.begin_attempt(spec, start);
  add_tasks(store, attempt, skill);
  if (!resources.empty()) store.add_resource(attempt, {resources});
  store.add_second_look(attempt, {.outcome = "same", .reason = {}, .samples = 60, .seconds = 1, .confined = true});
  store.add_status(attempt, {"ok", "", "", ""});
  return attempt;
}

inline void fail(Store& store, const base::RunSpec& spec, const std::string& status, const std::string& reason) {
  const int64_t attempt = store.begin_attempt(spec, sample_start());
  store.add_status(attempt, {status, reason, "last lines", ""});
}

inline base::RunSpec l2p(int64_t seed, int64_t top_k, const std::string& preset = "small") {
  base::RunSpec spec = sample_spec(seed, "l2p");
  spec.method.preset = preset;
  spec.method.params = {{"top_k", top_k}, {"lr", 0.03}, {"init", "uniform"}};
  return spec;
}

class ReportTest : public ResultsTest {
 protected:
  // Every kind of row once.
  void fill_everything() {
    Store store = writer();
    for (int64_t seed = 0; seed < 3; ++seed)
      finish(store, sample_spec(seed), 1 + seed, {{"cached_seconds_saved", 100}, {"forwards_saved", 60}});
    for (int64_t seed = 0; seed < 2; ++seed) finish(store, l2p(seed, 5), 3 + seed);
    fail(store, l2p(2, 5), "crashed", "SIGSEGV in train_task, task 3");
    finish(store, l2p(0, 1), 0, {{"forwards_saved", 10}});
    store.begin_attempt(l2p(1, 1), sample_start());
    store.add_run(l2p(2, 1));
    for (int64_t seed = 0; seed < 2; ++seed)
      fail(store, sample_spec(seed, "slca"), "killed", "killed: peak memory 9 of 8 GB, probably out of memory");

    base::RunSpec joint = sample_spec(0, "finetune");
    joint.protocol.joint = true;
    const int64_t attempt = store.begin_attempt(joint, sample_start());
    store.add_task(attempt, sample_task(0, {10, 20, 30}, {9, 18, 27}));
    store.add_second_look(attempt, {.outcome = "same", .reason = {}, .samples = 60, .seconds = 1, .confined = true});
    store.add_status(attempt, {"ok", "", "", ""});

    base::RunSpec vote = l2p(0, 5);
    vote.method.params["batch_vote_test"] = true;
    vote.method.capabilities = CLB_CAP_BATCH_DEPENDENT;
    finish(store, vote, 5);
    vote.protocol.test_batches = "class_sorted";
    finish(store, vote, 5);

    base::RunSpec oracle = sample_spec(0, "oracle|pipes, \"quotes\"");
    oracle.method.capabilities = CLB_CAP_TASK_ID_TEST;
    finish(store, oracle, 4);
    base::RunSpec replay = sample_spec(0, "er");
    replay.method.capabilities = CLB_CAP_RAW_REPLAY;
    finish(store, replay, 4);
    base::RunSpec paper = sample_spec(0, "ranpac");
    paper.track = "reproduction";
    finish(store, paper, 4);

    base::RunSpec validation = sample_spec(0);
    validation.protocol.evaluate_on = "validation";
    validation.weights = {{"main", "", fake_hash("random"), {32, 4, 64, 4, 2, 0}, true, 2}};
    finish(store, validation, 2);
  }
};

}  // namespace clb::results_test
