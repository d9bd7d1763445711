// kill -9 in the middle of writing: every task whose commit returned is there, nothing else is half there.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "results_fixture.hpp"

namespace clb::results_test {
namespace {

using store::Store;

class StoreCrash : public ResultsTest {
 protected:
  // Writes tasks until it is killed; after each commit the task's number goes into the pipe.
  [[noreturn]] void write_forever(int pipe, int64_t seed) const {
    try {
      Store store = writer();
      const int64_t attempt = store.begin_attempt(sample_spec(seed), sample_start());
      for (int64_t task = 0;; ++task) {
        store.add_task(attempt, sample_task(task, {20, 20, 20}, {15, 14, 13}));
        if (write(pipe, &task, sizeof task) != sizeof task) _exit(1);
      }
    } catch (const std::exception& error) {
      fprintf(stderr, "%s\n", error.what());
      _exit(2);
    }
  }
};

TEST_F(StoreCrash, every_committed_task_survives_kill_9) {
  int64_t tasks = 0;
  for (int64_t round = 0; round < 8; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_forever(ends[1], round);
    close(ends[1]);
    int64_t committed = -1, task = 0;
    ASSERT_EQ(read(ends[0], &task, sizeof task), static_cast<ssize_t>(sizeof task)) << "the writer did not start";
    committed = task;
    std::this_thread::sleep_for(std::chrono::milliseconds(7 * round));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself";
    while (read(ends[0], &task, sizeof task) == static_cast<ssize_t>(sizeof task)) committed = task;
    close(ends[0]);

    Store store = round % 2 ? reader() : writer();  // both run integrity_check; the dead writer's lock is gone
    const std::vector<store::RunRow> runs = store.runs();
    ASSERT_EQ(runs.size(), static_cast<size_t>(round) + 1);
    EXPECT_GE(runs.back().tasks_done, committed + 1);
    EXPECT_LE(runs.back().tasks_done, committed + 2) << "one task may be committed and not yet told";
    for (int64_t t = 0; t < runs.back().tasks_done; ++t)
      ASSERT_EQ(store.prediction(runs.back().attempt_id, t), sample_task(t, {}, {}).predictions) << "task " << t;
    EXPECT_EQ(store.evals(runs.back().attempt_id).size(), 3 * static_cast<size_t>(runs.back().tasks_done));
    EXPECT_EQ(store.spans(runs.back().attempt_id).size(), 2 * static_cast<size_t>(runs.back().tasks_done));
    tasks += runs.back().tasks_done;
  }
  writer().mark_lost_attempts();
  for (const store::RunRow& run : reader().runs()) EXPECT_EQ(run.status.status, "lost");
  RecordProperty("tasks", std::to_string(tasks));
}

}  // namespace
}  // namespace clb::results_test
