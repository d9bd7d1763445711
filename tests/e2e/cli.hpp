// The real binaries on real files: a temporary world with a small data set, an experiment and a cache, and clbench as a child process.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <clb/base/file.hpp>
#include <clb/store/store.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/temp_folder.hpp"

extern char** environ;

namespace clb::testing {

namespace fs = std::filesystem;

struct Ended {
  int code = -1;  // exit code, or 128 + signal
  std::string out, err;
};

// Runs a program to its end; stdout and stderr go through files in `folder`.
inline Ended run_program(const fs::path& folder, std::vector<std::string> words, const std::vector<std::string>& extra_environment = {}) {
  const fs::path out = folder / "stdout.txt", err = folder / "stderr.txt";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::vector<char*> argv, envp;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<std::string> environment(extra_environment);
  for (auto& variable : environment) envp.push_back(variable.data());
  for (char** variable = environ; *variable != nullptr; ++variable) envp.push_back(*variable);
  envp.push_back(nullptr);
  pid_t pid = 0;
  Ended ended;
  if (posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), envp.data()) != 0) throw std::runtime_error("cannot start " + words[0]);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  waitpid(pid, &status, 0);
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ended.out = base::read_file(out);
  ended.err = base::read_file(err);
  return ended;
}

class World {
 public:
  static constexpr int kTrain = 20, kTest = 10;  // images per class

  World() {
    fs::create_directories(data());
    write_split("train", kTrain);
    write_split("t10k", kTest);
    write_experiment("");
  }

  const fs::path& path() const { return folder_.path(); }
  fs::path data() const { return path() / "data"; }
  fs::path cache() const { return path() / "cache"; }
  fs::path database() const { return path() / "runs.sqlite"; }
  fs::path experiment() const { return path() / "experiment.toml"; }

  void write_experiment(const std::string& more, const std::string& method = "simplecil", const std::string& of_method = "") const {
    folder_.write(
        "experiment.toml",
        "name = \"e2e\"\n[dataset]\nid = \"fashion_mnist\"\nroot = \"data\"\n[weights.main]\n"
        "random = { image = 32, patch = 8, dim = 32, depth = 2, heads = 2, seed = 0 }\n[protocol]\nkind = \"class\"\nsplit = \"B0-Inc2\"\n"
        "order = \"identity\"\neval_transform = \"micro-32\"\n[run]\nseed = 0\nthreads = 1\n[[method]]\nid = \"" +
            method + "\"\n" + of_method + more);
  }

  Ended clbench(std::vector<std::string> words, const fs::path& program = fs::path(CLB_BINARY_DIR) / "bin" / "clbench") const {
    words.insert(words.begin(), program.string());
    return run_program(path(), words, {"CLB_CACHE=" + cache().string()});
  }

  // `clbench run` on the world's experiment and database.
  Ended run(std::vector<std::string> more = {}, const fs::path& program = fs::path(CLB_BINARY_DIR) / "bin" / "clbench") const {
    std::vector<std::string> words{"run", experiment().string(), "--db", database().string()};
    words.insert(words.end(), more.begin(), more.end());
    return clbench(words, program);
  }

  // Of the newest attempt in the database.
  struct Recorded {
    store::RunRow row;
    std::vector<int64_t> prediction;  // after the last task
    std::map<std::string, double> resources;
    std::vector<base::Metric> metrics;
    std::string log;
  };
  Recorded newest() const {
    const auto store = store::Store::open(database(), store::Store::Mode::kRead);
    Recorded recorded;
    for (const auto& row : store.runs())
      if (row.attempt_id > recorded.row.attempt_id) recorded.row = row;
    if (recorded.row.tasks_done > 0) recorded.prediction = store.prediction(recorded.row.attempt_id, recorded.row.tasks_done - 1);
    recorded.resources = store.resources(recorded.row.attempt_id);
    recorded.metrics = store.metrics(recorded.row.attempt_id);
    return recorded;
  }

  // Files of the cache whose path contains `part`.
  std::vector<fs::path> cached(const std::string& part) const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(cache()))
      if (entry.is_regular_file() && entry.path().string().find(part) != std::string::npos) files.push_back(entry.path());
    return files;
  }

 private:
  static void big_endian(std::string& bytes, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
  }

  // Ten classes, each a bright bar of its own position and slope with noise; records go round the classes.
  void write_split(const std::string& stem, uint32_t per_class) const {
    std::string images, labels;
    big_endian(images, 0x803);
    big_endian(images, 10 * per_class);
    big_endian(images, 28);
    big_endian(images, 28);
    big_endian(labels, 0x801);
    big_endian(labels, 10 * per_class);
    uint32_t noise = stem == "train" ? 1 : 2;
    for (uint32_t i = 0; i < 10 * per_class; ++i) {
      const int label = static_cast<int>(i % 10);
      labels.push_back(static_cast<char>(label));
      for (int y = 0; y < 28; ++y)
        for (int x = 0; x < 28; ++x) {
          noise = noise * 1664525 + 1013904223;
          const int bar = (x + (label % 3 - 1) * y / 2 + 28) % 28;
          const int value = (bar / 3 == label % 9 ? 170 : 30) + static_cast<int>(noise >> 26);
          images.push_back(static_cast<char>(value));
        }
    }
    std::ofstream(data() / (stem + "-images-idx3-ubyte"), std::ios::binary) << images;
    std::ofstream(data() / (stem + "-labels-idx1-ubyte"), std::ios::binary) << labels;
  }

  TempFolder folder_;
};

}  // namespace clb::testing
