// What the tests of results/ share: a temporary folder, a run, an attempt, tasks with known counts.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <clb/base/error.hpp>
#include <clb/base/sha256.hpp>
#include <clb/store/store.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace clb::results_test {

namespace fs = std::filesystem;

class ResultsTest : public ::testing::Test {
 protected:
  ResultsTest() {
    std::string name = (fs::temp_directory_path() / "clb_results_XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~ResultsTest() override { fs::remove_all(folder_); }

  fs::path file(const std::string& name = "results.sqlite") const { return folder_ / name; }
  store::Store writer() const { return store::Store::open(file(), store::Store::Mode::kWrite); }
  store::Store reader() const { return store::Store::open(file(), store::Store::Mode::kRead); }

  int64_t add_finished_run() const;  // one task, 15 of 20 right; returns the attempt

  fs::path folder_;
};

inline std::string fake_hash(const std::string& of) { return base::hex(base::sha256(std::string_view(of))); }

inline base::RunSpec sample_spec(int64_t seed = 0, const std::string& method = "simplecil") {
  base::RunSpec spec;
  spec.experiment = "small";
  spec.method = {method, "/opt/" + method + ".so", "", base::Json{{"batch_size", 1024}, {"scale", 1.0}}, 0, {}};
  spec.dataset = {"cifar100", "/opt/cifar100.so", "/data/cifar", fake_hash("cifar"), "images", 6, 0, 50, 20, base::Json::object(), {}};
  spec.weights = {{"main", "/data/deit_tiny.safetensors", fake_hash("deit"), {}, true, 3}};
  spec.protocol.split = "B0-Inc2";
  spec.protocol.order = "pilot";
  spec.protocol.class_order = {5, 3, 1, 0, 2, 4};
  spec.protocol.task_sizes = {2, 2, 2};
  spec.protocol.eval_transform.name = "deit-224";
  spec.seed = seed;
  spec.threads = 2;
  return spec;
}

inline store::AttemptStart sample_start() {
  store::AttemptStart start{fake_hash("plugin"),
                            "1.0.0",
                            fake_hash("dataset"),
                            "1.0.0",
                            fake_hash("runner"),
                            "2.11.0",
                            {"Some CPU", "avx2", "", "Linux", 2, int64_t{8} << 30},
                            {"abc123", "0.1.0", "gcc 12"},
                            "clbench run small.toml"};
  return start;
}

// Task `task` of a run whose groups hold `n` samples each, of which `correct` are right.
inline base::TaskDone sample_task(int64_t task, const std::vector<int64_t>& n, const std::vector<int64_t>& correct) {
  base::TaskDone done;
  done.task = task;
  done.classes = {2 * task, 2 * task + 1};
  for (size_t g = 0; g < n.size(); ++g)
    done.evals.push_back({static_cast<int64_t>(g), n[g], correct[g], n[g], correct[g], 0.5 * static_cast<double>(n[g])});
  for (int64_t i = 0; i < 60; ++i) done.predictions.push_back(i < 20 * (task + 1) ? (i * 7 + task) % 6 : -1);
  done.logit_hash = fake_hash("logits " + std::to_string(task));
  done.spans = {{"train_task", task, 1.0, 0.0}, {"evaluate", task, 0.5, 0.0}};
  done.metrics = {{"loss", task, 1, 0.25}};
  return done;
}

inline int64_t ResultsTest::add_finished_run() const {
  store::Store store = writer();
  const int64_t attempt = store.begin_attempt(sample_spec(), sample_start());
  store.add_task(attempt, sample_task(0, {20}, {15}));
  store.add_status(attempt, {"ok", "", "", ""});
  return attempt;
}

// The sentence of the Error that `call` throws; the test fails when it throws none, another type, or another exit code.
inline std::string sentence(const std::function<void()>& call, base::Exit exit = base::Exit::kUserMistake) {
  try {
    call();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.exit(), exit) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no Error was thrown";
  return {};
}

// Compares with tests/approval/NAME; what this run got lies in <build>/approval.
inline void approve(const std::string& name, const std::string& got) {
  const fs::path got_file = fs::path(CLB_BINARY_DIR) / "approval" / name;
  fs::create_directories(got_file.parent_path());
  std::ofstream(got_file, std::ios::binary) << got;
  std::ifstream in(fs::path(CLB_SOURCE_DIR) / "tests/approval" / name, std::ios::binary);
  const std::string wanted{std::istreambuf_iterator<char>(in), {}};
  EXPECT_TRUE(got == wanted) << "differs from tests/approval/" << name << "; this run's text is " << got_file;
}

}  // namespace clb::results_test
