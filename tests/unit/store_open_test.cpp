// Who may open a results file, what opening leaves behind, and how an old file becomes a new one.
#include <SQLiteCpp/SQLiteCpp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <set>

#include "open.hpp"
#include "results_fixture.hpp"
#include "schema.hpp"

namespace clb::results_test {
namespace {

using store::Store;

class StoreOpen : public ResultsTest {
 protected:
  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) names.insert(entry.path().filename().string());
    return names;
  }
};

TEST_F(StoreOpen, a_second_writer_is_refused_with_the_owners_pid) {
  Store first = writer();
  const std::string said = sentence([&] { writer(); });
  EXPECT_NE(said.find("process " + std::to_string(getpid())), std::string::npos) << said;
  EXPECT_NE(said.find(file().string()), std::string::npos) << said;
}

TEST_F(StoreOpen, a_link_to_the_file_is_the_same_file) {
  Store first = writer();
  fs::create_symlink(file(), file("link.sqlite"));
  sentence([&] { Store::open(file("link.sqlite"), Store::Mode::kWrite); });
}

TEST_F(StoreOpen, the_lock_is_free_after_the_writer_closed) {
  add_finished_run();
  EXPECT_NO_THROW(writer());
}

TEST_F(StoreOpen, reading_makes_no_file_and_changes_none) {
  const int64_t attempt = add_finished_run();
  fs::remove(file("results.sqlite.lock"));
  fs::permissions(file(), fs::perms::owner_read);
  const auto before = files();
  const auto time = fs::last_write_time(file());
  Store store = reader();
  EXPECT_EQ(store.evals(attempt).size(), 1u);
  EXPECT_EQ(files(), before);
  EXPECT_EQ(before, std::set<std::string>{"results.sqlite"});
  EXPECT_EQ(fs::last_write_time(file()), time);
}

TEST_F(StoreOpen, names_with_special_characters_are_read) {
  fs::create_directory(file("a b?c#d%20 ü"));
  const fs::path odd = file("a b?c#d%20 ü/x?mode=memory.sqlite");
  Store::open(odd, Store::Mode::kWrite).add_run(sample_spec());
  EXPECT_EQ(Store::open(odd, Store::Mode::kRead).runs().size(), 1u);
}

TEST_F(StoreOpen, a_reader_sees_what_a_later_writer_commits) {
  const int64_t attempt = add_finished_run();
  Store store = reader();
  EXPECT_EQ(store.runs()[0].tasks_done, 1);
  {
    Store later = writer();
    later.add_task(attempt, sample_task(1, {20, 20}, {15, 16}));
    EXPECT_EQ(store.runs()[0].tasks_done, 2);
    later.add_task(attempt, sample_task(2, {20, 20, 20}, {15, 16, 17}));
    EXPECT_EQ(store.runs()[0].tasks_done, 3);
  }
  Store after = reader();
  EXPECT_EQ(after.runs()[0].tasks_done, 3);
}

TEST_F(StoreOpen, a_missing_file_or_folder_is_said_in_one_sentence) {
  EXPECT_NE(sentence([&] { reader(); }).find("no such results file"), std::string::npos);
  EXPECT_NE(sentence([&] { Store::open(file("none/x.sqlite"), Store::Mode::kWrite); }).find("no folder"), std::string::npos);
  EXPECT_NE(sentence([&] { Store::open(folder_, Store::Mode::kRead); }).find("is not a file"), std::string::npos);
}

TEST_F(StoreOpen, a_file_of_a_newer_clbench_is_refused) {
  add_finished_run();
  {
    SQLite::Database db(file().string(), SQLite::OPEN_READWRITE);
    db.exec("PRAGMA user_version = 99");
  }
  for (auto mode : {Store::Mode::kRead, Store::Mode::kWrite}) {
    const std::string said = sentence([&] { Store::open(file(), mode); });
    EXPECT_NE(said.find("newer clbench (version 99"), std::string::npos) << said;
  }
}

TEST_F(StoreOpen, a_database_of_another_program_is_refused) {
  {
    SQLite::Database db(file().string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    db.exec("CREATE TABLE bookmark (url TEXT)");
  }
  for (auto mode : {Store::Mode::kRead, Store::Mode::kWrite})
    EXPECT_NE(sentence([&] { Store::open(file(), mode); }).find("another program"), std::string::npos);
}

TEST_F(StoreOpen, a_migration_keeps_a_copy_and_all_rows) {
  const int64_t attempt = add_finished_run();
  std::vector<std::string> steps = store::migrations();
  steps.push_back("ALTER TABLE attempt ADD COLUMN host TEXT NOT NULL DEFAULT 'unknown'");
  {
    store::Reader old(file(), steps);  // migrated in memory only
    EXPECT_EQ(old.db().execAndGet("SELECT host FROM attempt").getString(), "unknown");
  }
  const std::string before = "results.sqlite.v" + std::to_string(steps.size() - 1);
  EXPECT_FALSE(fs::exists(file(before)));
  {
    store::Writer migrated = store::open_writer(file(), steps);
    EXPECT_EQ(migrated.db->execAndGet("SELECT host FROM attempt").getString(), "unknown");
    EXPECT_EQ(migrated.db->execAndGet("PRAGMA user_version").getInt(), static_cast<int>(steps.size()));
    EXPECT_EQ(migrated.db->execAndGet("SELECT correct FROM eval").getInt(), 15);
  }
  EXPECT_NE(sentence([&] { reader(); }).find("newer clbench"), std::string::npos);
  Store copy = Store::open(file(before), Store::Mode::kRead);
  EXPECT_EQ(copy.evals(attempt)[0].count.correct, 15);
}

TEST_F(StoreOpen, a_migration_that_fails_leaves_the_file_as_it_was) {
  add_finished_run();
  std::vector<std::string> steps = store::migrations();
  steps.push_back("CREATE TABLE fresh (x INTEGER) STRICT; INSERT INTO nowhere VALUES (1)");
  EXPECT_THROW(store::open_writer(file(), steps), SQLite::Exception);
  EXPECT_EQ(reader().runs().size(), 1u);
}

TEST_F(StoreOpen, nothing_beside_a_new_file_is_touched) {
  std::ofstream(file("results.sqlite.new")) << "half a database";
  add_finished_run();
  EXPECT_EQ(files(), (std::set<std::string>{"results.sqlite", "results.sqlite.lock", "results.sqlite.new"}));
}

TEST_F(StoreOpen, an_empty_file_is_filled_and_one_of_another_kind_is_kept) {
  std::ofstream(file()).flush();
  fs::permissions(file(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_NE(sentence([&] { reader(); }).find("is empty"), std::string::npos);
  add_finished_run();
  EXPECT_EQ(fs::status(file()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  std::ofstream(file("thesis.txt")) << std::string(5000, 'x');
  sentence([&] { Store::open(file("thesis.txt"), Store::Mode::kWrite); });
  EXPECT_EQ(fs::file_size(file("thesis.txt")), 5000u);
}

TEST_F(StoreOpen, a_migration_keeps_what_is_no_copy_of_ours) {
  add_finished_run();
  std::vector<std::string> steps = store::migrations();
  const fs::path copy = file("results.sqlite.v" + std::to_string(steps.size()));
  std::ofstream(copy) << "mine";
  steps.push_back("ALTER TABLE attempt ADD COLUMN host TEXT NOT NULL DEFAULT 'unknown'");
  EXPECT_NE(sentence([&] { store::open_writer(file(), steps); }).find("is no copy of the results file"), std::string::npos);
  EXPECT_EQ(fs::file_size(copy), 4u);
  EXPECT_EQ(reader().runs().size(), 1u) << "not migrated";
}

// A file-size limit stands for a full disk: the write fails, the sentence says so, and what was committed stays.
TEST_F(StoreOpen, a_write_that_the_disk_refuses_is_one_sentence_and_loses_nothing) {
  const int64_t attempt = add_finished_run();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    std::string said;
    try {
      Store store = writer();
      struct rlimit limit {
        4096 * 8, 4096 * 8
      };
      setrlimit(RLIMIT_FSIZE, &limit);
      for (int64_t task = 1; task < 100; ++task) store.add_task(attempt, sample_task(task, {20}, {15}));
    } catch (const base::Error& error) {
      said = error.what();
    }
    const bool good = said.starts_with(file().string()) && (said.find("disk") != std::string::npos);
    _exit(good ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  Store store = reader();
  EXPECT_GE(store.runs()[0].tasks_done, 1);
  EXPECT_EQ(store.prediction(attempt, 0), sample_task(0, {20}, {15}).predictions);
}

}  // namespace
}  // namespace clb::results_test
