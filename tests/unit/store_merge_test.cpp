// Files of many machines become one: the same in any order and when repeated, whole or not at all.
#include <SQLiteCpp/SQLiteCpp.h>

#include <clb/store/merge.hpp>
#include <fstream>

#include "results_fixture.hpp"

namespace clb::results_test {
namespace {

using store::Store;

// All rows of all tables as text, in the order of the file.
std::string dump(const fs::path& file) {
  SQLite::Database db(file.string());
  std::vector<std::string> tables;
  SQLite::Statement names(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
  while (names.executeStep()) tables.push_back(names.getColumn(0).getString());
  std::string text;
  for (const std::string& table : tables) {
    SQLite::Statement rows(db, "SELECT * FROM " + table);
    while (rows.executeStep()) {
      text += table;
      for (int c = 0; c < rows.getColumnCount(); ++c) text += "|" + rows.getColumn(c).getString();
      text += "\n";
    }
  }
  return text;
}

class StoreMerge : public ResultsTest {
 protected:
  int64_t add_run(Store& store, const base::RunSpec& spec, const std::string& status = "ok") {
    const int64_t attempt = store.begin_attempt(spec, sample_start());
    store.add_hello(attempt, {});
    store.add_targets(attempt, {"test", std::vector<int64_t>(60, 3)});
    store.add_task(attempt, sample_task(0, {20}, {15}));
    store.add_resource(attempt, {{{"updates", 3}}});
    if (!status.empty()) store.add_status(attempt, {status, "", "", ""});
    return attempt;
  }
  fs::path make(const std::string& name, const std::vector<int64_t>& seeds) {
    Store store = Store::open(file(name), Store::Mode::kWrite);
    for (int64_t seed : seeds) add_run(store, sample_spec(seed));
    return file(name);
  }
  std::string merged(const std::string& out, const std::vector<fs::path>& inputs) {
    store::merge(file(out), inputs);
    return dump(file(out));
  }
};

TEST_F(StoreMerge, order_and_repetition_do_not_matter) {
  const fs::path a = make("a", {0, 1}), b = make("b", {2, 1}), c = make("c", {5});
  {
    Store store = Store::open(c, Store::Mode::kWrite);
    store.add_run(sample_spec(9));
    base::RunSpec moved = sample_spec(2);  // the same run, planned elsewhere
    moved.weights[0].file = "/another/name.safetensors";
    moved.experiment = "another";
    add_run(store, moved, "failed");
    store.add_imported({{"A paper", "", "", "data", "protocol", "weights", "l2p", "", {{"acc.last.sample", 1, 3, 0.5, {}}}}});
  }
  const std::string once = merged("abc", {a, b, c});
  EXPECT_EQ(merged("cba", {c, b, a}), once);
  EXPECT_EQ(merged("twice", {b, b, c, a, c}), once);
  merged("steps", {b, c});
  EXPECT_EQ(merged("steps", {a}), once);
  EXPECT_EQ(merged("steps", {a, b}), once);
  EXPECT_EQ(merged("of merged", {file("abc"), file("cba")}), once);

  const Store all = Store::open(file("abc"), Store::Mode::kRead);
  const std::vector<store::RunRow> runs = all.runs();
  ASSERT_EQ(runs.size(), 5u);
  EXPECT_EQ(runs.back().attempt_id, 0) << "the planned run stands last";
  for (const store::RunRow& run : runs) {
    if (run.attempt_id == 0) continue;
    EXPECT_EQ(run.status.status, "ok");
    EXPECT_EQ(run.attempts, run.seed == 1 || run.seed == 2 ? 2 : 1);
    EXPECT_EQ(all.prediction(run.attempt_id, 0), sample_task(0, {}, {}).predictions);
    EXPECT_EQ(all.targets(run.attempt_id).labels.size(), 60u);
    if (run.seed == 2) {
      EXPECT_EQ(run.experiments, (std::vector<std::string>{"another", "small"}));
    }
  }
}

TEST_F(StoreMerge, inputs_are_left_as_they_are) {
  const fs::path a = make("a", {0}), b = make("b", {1});
  const auto time = fs::last_write_time(a);
  const std::string before = dump(a);
  store::merge(file("out"), {a, b});
  EXPECT_EQ(fs::last_write_time(a), time);
  EXPECT_EQ(dump(a), before);
}

TEST_F(StoreMerge, the_result_can_be_written_to_and_stays_append_only) {
  store::merge(file("out"), {make("a", {0})});
  Store store = Store::open(file("out"), Store::Mode::kWrite);
  EXPECT_NO_THROW(add_run(store, sample_spec(7)));
  SQLite::Database db(file("out").string(), SQLite::OPEN_READWRITE);
  EXPECT_THROW(db.exec("UPDATE eval SET correct = 0"), SQLite::Exception);
  EXPECT_FALSE(SQLite::Statement(db, "PRAGMA foreign_key_check").executeStep());
}

TEST_F(StoreMerge, an_attempt_that_went_on_has_its_longer_history) {
  const fs::path live = file("live"), early = file("early"), guessed = file("guessed");
  {
    Store store = Store::open(live, Store::Mode::kWrite);
    add_run(store, sample_spec(), "");
  }
  fs::copy_file(live, early);
  fs::copy_file(live, guessed);
  Store::open(guessed, Store::Mode::kWrite).mark_lost_attempts();
  {
    Store store = Store::open(live, Store::Mode::kWrite);
    store.add_task(1, sample_task(1, {20, 20}, {15, 16}));
    store.add_status(1, {"ok", "", "", ""});
  }
  const std::string all = merged("1", {early, guessed, live});
  EXPECT_EQ(merged("2", {live, guessed, early}), all);
  EXPECT_EQ(merged("3", {guessed, live, early}), all);
  const Store store = Store::open(file("1"), Store::Mode::kRead);
  EXPECT_EQ(store.runs().at(0).status.status, "ok");
  EXPECT_EQ(store.runs().at(0).tasks_done, 2);
  store::merge(file("lost"), {early, guessed});
  EXPECT_EQ(Store::open(file("lost"), Store::Mode::kRead).runs().at(0).status.status, "lost");
}

TEST_F(StoreMerge, one_attempt_with_two_results_is_a_conflict_and_out_stays) {
  const fs::path a = make("a", {0}), other = file("other");
  fs::copy_file(a, other);
  {
    SQLite::Database db(other.string(), SQLite::OPEN_READWRITE);
    db.exec("DROP TRIGGER eval_no_update; UPDATE eval SET correct = correct - 1");
  }
  store::merge(file("out"), {make("b", {1})});
  const std::string before = dump(file("out"));
  const std::string said = sentence([&] { store::merge(file("out"), {a, other}); });
  EXPECT_NE(said.find("attempt "), std::string::npos) << said;
  EXPECT_NE(said.find("table eval"), std::string::npos) << said;
  EXPECT_NE(said.find(other.string()), std::string::npos) << said;
  EXPECT_EQ(dump(file("out")), before);
  for (const auto& entry : fs::directory_iterator(folder_))
    EXPECT_EQ(entry.path().string().find("merge"), std::string::npos) << entry.path();
}

TEST_F(StoreMerge, a_file_that_cannot_be_read_leaves_out_as_it_was) {
  const fs::path a = make("a", {0}), cut = file("cut"), other = file("other");
  store::merge(file("out"), {a});
  const std::string before = dump(file("out"));
  fs::copy_file(a, cut);
  fs::resize_file(cut, fs::file_size(cut) / 2);
  std::ofstream(other) << "no database";
  for (const fs::path& bad : {cut, other, file("missing"), folder_})
    EXPECT_NE(sentence([&] { store::merge(file("out"), {a, bad}); }).find(bad.string()), std::string::npos);
  EXPECT_EQ(dump(file("out")), before);
  sentence([&] { store::merge(file("fresh"), {cut}); });
  EXPECT_FALSE(fs::exists(file("fresh")));
  sentence([&] { store::merge(file("no/folder"), {a}); });
}

TEST_F(StoreMerge, a_file_with_a_writer_can_be_read_but_not_replaced) {
  Store store = writer();
  add_run(store, sample_spec(3), "");
  store::merge(file("out"), {file()});
  EXPECT_EQ(Store::open(file("out"), Store::Mode::kRead).runs().at(0).status.status, "running");
  EXPECT_NE(sentence([&] { store::merge(file(), {make("a", {0})}); }).find("is writing to it"), std::string::npos);
}

TEST_F(StoreMerge, rows_that_belong_to_nothing_are_damage) {
  const fs::path a = make("a", {0});
  {
    SQLite::Database db(a.string(), SQLite::OPEN_READWRITE);
    db.exec("PRAGMA foreign_keys = OFF; DROP TRIGGER attempt_no_delete; DELETE FROM attempt");
  }
  EXPECT_NE(sentence([&] { store::merge(file("out"), {a}); }).find("damaged"), std::string::npos);
}

}  // namespace
}  // namespace clb::results_test
