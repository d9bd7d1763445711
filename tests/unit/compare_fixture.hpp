// Runs whose predictions are chosen sample by sample, for the tests of results/compare.
#pragma once

#include <clb/meta.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <vector>

#include "results_fixture.hpp"

namespace clb::results_test {

// 60 samples in index order: labels 0 0 .. 5 5, ten of each; class order {5, 3, 1, 0, 2, 4} in tasks of two.
inline std::vector<int64_t> sample_labels() {
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < 60; ++i) labels.push_back(i / 10);
  return labels;
}

struct Made {
  std::vector<int64_t> wrong;                                  // how many samples of each class are wrong at the end; fewer classes: 0
  std::string commit = "aaa111", cpu = "Some CPU", hash = {};  // hash: of the logits; empty: drawn from what was predicted
  double seconds = 1.5, memory = 1e8, saved = 0;               // seconds: of the clock and of the processor
  std::string status = "ok";
  double others = 0;  // share of the machine that others took
};

// One finished (or failed) attempt: after each task its seen classes are evaluated; `wrong` samples of a class are predicted as class 0.
inline int64_t make_attempt(store::Store& store, const base::RunSpec& spec, const Made& made) {
  store::AttemptStart start = sample_start();
  start.build.commit = made.commit;
  start.machine.cpu = made.cpu;
  const int64_t attempt = store.begin_attempt(spec, start);
  const std::vector<int64_t> labels = sample_labels();
  store.add_targets(attempt, {"test", labels});
  for (int64_t task = 0; task < 3 && made.status == "ok"; ++task) {
    std::vector<int64_t> n, correct, predictions(60, -1);
    for (int64_t group = 0; group <= task; ++group) {
      int64_t right = 0;
      for (int64_t k = 0; k < 2; ++k) {
        const int64_t label = spec.protocol.class_order[static_cast<size_t>(2 * group + k)];
        const int64_t missed = static_cast<size_t>(label) < made.wrong.size() ? made.wrong[static_cast<size_t>(label)] : 0;
        for (int64_t i = 0; i < 10; ++i) predictions[static_cast<size_t>(10 * label + i)] = i < missed ? (label + 1) % 6 : label;
        right += 10 - missed;
      }
      n.push_back(20);
      correct.push_back(right);
    }
    base::TaskDone done = sample_task(task, n, correct);
    done.predictions = predictions;
    done.logit_hash = fake_hash(made.hash.empty() ? base::canonical(predictions) : made.hash + std::to_string(task));
    done.spans = {{"train_task", task, made.seconds / 3, 0.0}};
    done.metrics.clear();
    store.add_task(attempt, done);
  }
  store.add_resource(attempt, {{{"peak_rss_bytes", made.memory},
                                {"forwards_saved", made.saved},
                                {"processor_seconds", made.seconds},
                                {"others_share", made.others}}});
  store.add_status(attempt, {made.status, made.status == "ok" ? "" : "numeric: the loss is not finite", "", ""});
  return attempt;
}

// Compares with tests/approval/NAME, the test's folder left out; what this run got lies in <build>/approval.
inline void approve_in(const std::string& name, std::string got, const fs::path& folder) {
  std::string escaped;  // as Markdown has it
  for (const char c : folder.string()) escaped += c == '_' ? std::string("\\_") : std::string(1, c);
  for (const std::string& name_of : {folder.string(), escaped}) {
    for (size_t at; (at = got.find(name_of)) != std::string::npos;) got.replace(at, name_of.size(), "FOLDER");
  }
  approve(name, got);
}

inline base::RunSpec trained_spec(int64_t seed, double lr = 0.01, const std::string& method = "finetune") {
  base::RunSpec spec = sample_spec(seed, method);
  spec.method.params = {{"lr", lr}};
  spec.method.capabilities = 0;
  return spec;
}

inline base::RunSpec frozen_spec(int64_t seed) {
  base::RunSpec spec = sample_spec(seed);
  spec.method.capabilities = CLB_CAP_FROZEN_FEATURES | CLB_CAP_BITWISE;
  return spec;
}

}  // namespace clb::results_test
