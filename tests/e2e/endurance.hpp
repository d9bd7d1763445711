// A run that something stops or kills, and that goes on: its world, and what it left. Shared by the tests of kills and of requests to stop.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>

#include "cli.hpp"

namespace clb::testing {

// What a finished run left: per task its predictions and the hash of its logits.
struct Outcome {
  std::vector<std::vector<int64_t>> predictions;
  std::map<int64_t, std::string> hashes;
  bool operator==(const Outcome&) const = default;
};

class Endurance : public World {
 public:
  static constexpr int64_t kTasks = 5;

  explicit Endurance(int epochs = 3) {
    write_experiment("", "faulty",
                     "params = { fault = \"kill\", where = \"train_task\", task = 2, once = \"" + trap().string() +
                         "\", epochs = " + std::to_string(epochs) + " }\n");
  }

  fs::path trap() const { return path() / "trap"; }  // while this file is there the method's fault strikes, once
  void set_trap() const { std::ofstream(trap()) << "x"; }
  void strike_in(const std::string& where) {
    std::string text = base::read_file(experiment());
    text.replace(text.find("where = \"train_task\""), 20, "where = \"" + where + "\"");
    std::ofstream(experiment()) << text;
  }

  // words: "run" with its experiment, or "resume"; both on the database `db`.
  std::vector<std::string> command(const std::string& verb, const fs::path& db) const {
    std::vector<std::string> words{verb};
    if (verb == "run") words.push_back(experiment().string());
    words.insert(words.end(), {"--db", db.string(), "--plugin-path", std::string(CLB_BINARY_DIR) + "/tests/plugins"});
    return words;
  }
  Ended call(const std::string& verb, const fs::path& db, const std::vector<std::string>& environment = {}) const {
    auto words = command(verb, db);
    words.insert(words.begin(), std::string(CLB_BINARY_DIR) + "/bin/clbench");
    auto all = environment;
    all.push_back("CLB_CACHE=" + cache().string());
    return run_program(path(), words, all);
  }

  Outcome outcome(const fs::path& db) const {
    EXPECT_EQ(SQLite::Database(db.string()).execAndGet("PRAGMA integrity_check").getString(), "ok");
    const auto store = store::Store::open(db, store::Store::Mode::kRead);
    Outcome outcome;
    const auto rows = store.runs();
    EXPECT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows.at(0).status.status, "ok") << rows.at(0).status.reason;
    EXPECT_EQ(rows.at(0).tasks_done, kTasks);
    for (int64_t t = 0; t < rows.at(0).tasks_done; ++t) outcome.predictions.push_back(store.prediction(rows.at(0).attempt_id, t));
    outcome.hashes = store.logit_hashes(rows.at(0).attempt_id);
    return outcome;
  }

  Outcome undisturbed() const {
    const fs::path db = path() / "undisturbed.sqlite";
    const Ended ended = call("run", db);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return outcome(db);
  }
};

// Starts clbench without waiting for it, in a process group of its own; what it says goes to quiet.txt.
inline pid_t start(const Endurance& world, const fs::path& db) {
  auto words = world.command("run", db);
  words.insert(words.begin(), std::string(CLB_BINARY_DIR) + "/bin/clbench");
  const pid_t pid = fork();
  if (pid != 0) return pid;
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  setpgid(0, 0);
  setenv("CLB_CACHE", world.cache().c_str(), 1);
  const int quiet = open((world.path() / "quiet.txt").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(quiet, 1);
  dup2(quiet, 2);
  execv(argv[0], argv.data());
  _exit(127);
}

// The last one: before it there is the one that forks (harness/launch/fork_server.hpp).
inline pid_t child_of(pid_t parent) {
  const std::string id = std::to_string(parent);
  std::ifstream children("/proc/" + id + "/task/" + id + "/children");
  pid_t child = 0;
  for (pid_t next = 0; children >> next;) child = next;
  return child;
}

}  // namespace clb::testing
