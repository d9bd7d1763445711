// Results files away from home: on a file system that hosts share, and moved there and back. The file system is said by the test.
#include <SQLiteCpp/SQLiteCpp.h>
#include <sys/wait.h>

#include <clb/store/merge.hpp>
#include <csignal>
#include <fstream>

#include "journal.hpp"
#include "open.hpp"
#include "results_fixture.hpp"
#include "schema.hpp"

namespace clb::results_test {
namespace {

using store::Store;

const base::FileSystem kNfs{"nfs", false}, kExt4{"ext4", true};

class StorePlace : public ResultsTest {
 protected:
  store::Writer open(const base::FileSystem& on) const { return store::open_writer(file(), store::migrations(), on); }

  int64_t add_finished_run() {
    Store store = writer();
    const int64_t attempt = store.begin_attempt(sample_spec(), sample_start());
    store.add_task(attempt, sample_task(0, {20}, {15}));
    store.add_status(attempt, {"ok", "", "", ""});
    return attempt;
  }
  void expect_the_run(int64_t attempt) {
    Store store = reader();
    ASSERT_EQ(store.runs().size(), 1u);
    EXPECT_EQ(store.evals(attempt).at(0).count.correct, 15);
    store.check();
  }
  bool beside(const std::string& suffix) const { return fs::exists(file().string() + suffix); }
  static std::string mode(store::Writer& writer) { return writer.db->execAndGet("PRAGMA journal_mode").getString(); }

  // A writer that is killed inside a commit, when pages of it are in the file: FILE-journal stays, and SQLite calls it hot.
  void kill_inside_a_commit() const {
    const pid_t child = fork();
    if (child == 0) {
      SQLite::Database db(file().string(), SQLite::OPEN_READWRITE);
      db.exec("PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN; CREATE TABLE half (x BLOB) STRICT");
      for (int i = 0; i < 50; ++i) db.exec("INSERT INTO half VALUES (zeroblob(20000))");
      raise(SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    ASSERT_TRUE(beside("-journal"));
  }
};

TEST_F(StorePlace, where_hosts_share_it_there_is_no_write_ahead_log) {
  store::Writer writer = open(kNfs);
  EXPECT_EQ(mode(writer), "delete");
  EXPECT_NE(writer.note.find("(nfs): it is written with a rollback journal in place of a write-ahead log"), std::string::npos)
      << writer.note;
  EXPECT_EQ(writer.db->execAndGet("PRAGMA synchronous").getInt(), 3);
  writer.db->exec("INSERT INTO build (key, commit_hash, version, compiler) VALUES ('k', 'c', 'v', 'g')");
  EXPECT_FALSE(beside("-wal") || beside("-shm") || beside("-journal"));
  fs::copy_file(file(), file("copy.sqlite"));  // everything that is committed is in the file
  EXPECT_EQ(SQLite::Database(file("copy.sqlite").string()).execAndGet("SELECT count(*) FROM build").getInt(), 1);
  EXPECT_EQ(reader().runs().size(), 0u) << "a reader beside the writer";
}

TEST_F(StorePlace, at_home_there_is_one_and_nothing_to_say) {
  store::Writer writer = open(kExt4);
  EXPECT_EQ(mode(writer), "wal");
  EXPECT_EQ(writer.note, "");
}

TEST_F(StorePlace, a_file_that_is_moved_changes_its_mode_and_keeps_its_rows) {
  const int64_t attempt = add_finished_run();
  ASSERT_TRUE(store::says_wal(file()));
  EXPECT_EQ(mode(*std::make_unique<store::Writer>(open(kNfs))), "delete");
  EXPECT_FALSE(store::says_wal(file()));
  expect_the_run(attempt);
  EXPECT_EQ(mode(*std::make_unique<store::Writer>(open(kExt4))), "wal");
  expect_the_run(attempt);
}

TEST_F(StorePlace, a_log_that_a_killed_writer_left_is_taken_up) {
  int64_t attempt = 0;
  {
    Store store = writer();
    attempt = store.begin_attempt(sample_spec(), sample_start());
    store.add_task(attempt, sample_task(0, {20}, {15}));
    for (const char* suffix : {"", "-wal"}) fs::copy_file(file().string() + suffix, file("moved.sqlite").string() + suffix);
  }
  ASSERT_GT(fs::file_size(file("moved.sqlite-wal")), 0u);
  for (const char* suffix : {"", "-wal"}) fs::copy_file(file("moved.sqlite").string() + suffix, file("read.sqlite").string() + suffix);
  store::end_log(file("read.sqlite"));  // as a reader does
  EXPECT_FALSE(fs::exists(file("read.sqlite-wal")));
  EXPECT_EQ(Store::open(file("read.sqlite"), Store::Mode::kRead).evals(attempt).at(0).count.correct, 15);
  store::Writer moved = store::open_writer(file("moved.sqlite"), store::migrations(), kNfs);
  EXPECT_EQ(moved.db->execAndGet("SELECT correct FROM eval").getInt(), 15);
  EXPECT_FALSE(fs::exists(file("moved.sqlite-wal")));
  EXPECT_FALSE(fs::exists(file("moved.sqlite-shm")));
}

TEST_F(StorePlace, a_reader_sees_a_file_whose_mode_changed) {
  const int64_t attempt = add_finished_run();
  open(kNfs);
  Store store = reader();
  EXPECT_EQ(store.runs().at(0).tasks_done, 1);
  writer().add_task(attempt, sample_task(1, {20, 20}, {15, 16}));  // in WAL mode, and closed again
  EXPECT_EQ(store.runs().at(0).tasks_done, 2);
}

TEST_F(StorePlace, what_a_killed_commit_left_is_rolled_back_by_whoever_comes_first) {
  const int64_t attempt = add_finished_run();
  open(kNfs);
  kill_inside_a_commit();
  expect_the_run(attempt);  // reading alone
  EXPECT_FALSE(beside("-journal"));
  kill_inside_a_commit();
  open(kNfs);
  expect_the_run(attempt);
  kill_inside_a_commit();
  store::merge(file(), {});
  EXPECT_FALSE(beside("-journal"));
  expect_the_run(attempt);
}

TEST_F(StorePlace, what_a_killed_commit_left_is_not_rolled_back_while_the_writer_may_live) {
  add_finished_run();
  open(kNfs);
  kill_inside_a_commit();
  const auto lock = base::FileLock::try_lock(file("results.sqlite.lock"));
  EXPECT_NE(sentence([&] { reader(); }).find("is writing to it; try again in a moment"), std::string::npos);
  EXPECT_TRUE(beside("-journal"));
}

TEST_F(StorePlace, a_journal_without_its_file_spoils_no_new_file) {
  add_finished_run();
  open(kNfs);
  kill_inside_a_commit();
  fs::remove(file());
  add_finished_run();
  EXPECT_EQ(reader().runs().size(), 1u);
}

TEST_F(StorePlace, a_writer_of_another_host_is_not_taken_for_dead) {
  const int64_t attempt = add_finished_run();
  std::ofstream(file("results.sqlite.lock")) << "471 far-away 2026-01-31T12:00:00Z 4711\n";
  const std::string said = sentence([&] { open(kNfs); });
  EXPECT_TRUE(said.starts_with(file().string() + ": process 471 on far-away (job 4711, since ")) << said;
  EXPECT_NE(said.find("remove " + file("results.sqlite.lock").string()), std::string::npos) << said;
  expect_the_run(attempt);
  fs::remove(file("results.sqlite.lock"));
  EXPECT_NO_THROW(open(kNfs));
}

}  // namespace
}  // namespace clb::results_test
