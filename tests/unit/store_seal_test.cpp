// A seal covers every value that the file holds of an attempt, and nothing that a merge or a later version may change.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <clb/audit/audit.hpp>
#include <clb/store/merge.hpp>
#include <cmath>
#include <set>

#include "results_fixture.hpp"

namespace clb::results_test {
namespace {

using store::Store;

class Seal : public ResultsTest {
 protected:
  static int64_t begin(Store& store, int64_t seed) {
    const int64_t attempt = store.begin_attempt(sample_spec(seed), sample_start());
    base::Hello hello;
    hello.device = "cpu";
    store.add_hello(attempt, hello);
    store.add_targets(attempt, {"test", std::vector<int64_t>(60, 3)});
    for (int64_t task = 0; task < 3; ++task)
      store.add_task(attempt, sample_task(task, std::vector<int64_t>(static_cast<size_t>(task) + 1, 20),
                                          std::vector<int64_t>(static_cast<size_t>(task) + 1, 15)));
    store.add_metrics(attempt, {{"loss", 0, 0, 0.5}, {"loss", 0, 1, std::nan("")}});
    store.add_resource(attempt, {{{"peak_rss_bytes", 1e9}, {"updates", 7}}});
    return attempt;
  }
  static int64_t make(Store& store, int64_t seed) {
    const int64_t attempt = begin(store, seed);
    store.add_second_look(attempt, {.outcome = "same", .reason = {}, .samples = 6, .seconds = 1, .confined = true});
    store.add_status(attempt, {"ok", "", "a line", ""});
    return attempt;
  }
  void change(const fs::path& of, const std::string& sql) const {
    SQLite::Database db(of.string(), SQLite::OPEN_READWRITE);
    std::string triggers;
    SQLite::Statement query(db, "SELECT name FROM sqlite_schema WHERE type = 'trigger'");
    while (query.executeStep()) triggers += "DROP TRIGGER \"" + query.getColumn(0).getString() + "\";";
    query.reset();
    db.exec("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; " + triggers + sql);
  }
  // What audit says of seals: the tables whose rows were changed, and "spec".
  static std::set<std::string> broken(const fs::path& of) {
    std::set<std::string> found;
    for (const audit::RunAudit& run : audit::audit(of, {.run_key = "", .facts = {}, .sha256 = {}, .progress = {}}).runs) {
      for (const std::string& sentence : run.differences) {
        if (sentence.find("its spec is not the one that was sealed") != std::string::npos) found.insert("spec");
        const size_t at = sentence.find("the table "), end = sentence.find(" does not hold of it what was sealed");
        if (at != std::string::npos && end != std::string::npos) found.insert(sentence.substr(at + 10, end - at - 10));
      }
    }
    return found;
  }
  std::set<std::string> broken() const { return broken(file()); }
};

using Changes = std::vector<std::pair<std::string, std::string>>;  // column, and another value of its type

Changes changes_of(SQLite::Database& db, const std::string& table) {
  Changes list;
  SQLite::Statement query(db, "SELECT name, type FROM pragma_table_info(?) WHERE name NOT IN ('id', 'attempt_id')");
  query.bind(1, table);
  while (query.executeStep()) {
    const std::string name = query.getColumn(0).getString(), type = query.getColumn(1).getString();
    if (name.ends_with("_id")) continue;  // below: the row that it points to
    list.emplace_back(name, type == "TEXT" ? name + " || 'x'" : type == "BLOB" ? "x'00'" : "coalesce(" + name + ", 0) + 1");
  }
  return list;
}

TEST_F(Seal, every_value_of_an_attempt_is_covered) {
  {
    Store store = writer();
    make(store, 0);
    make(store, 1);
  }
  fs::copy_file(file(), file("honest"));
  ASSERT_EQ(broken(), std::set<std::string>());
  SQLite::Database honest(file("honest").string());
  SQLite::Statement tables(honest,
                           "SELECT name FROM sqlite_schema AS t WHERE type = 'table' AND (name = 'attempt' OR EXISTS (SELECT 1 FROM "
                           "pragma_table_info(t.name) WHERE name = 'attempt_id')) ORDER BY name");
  size_t changes = 0;
  while (tables.executeStep()) {
    const std::string table = tables.getColumn(0).getString(), owner = table == "attempt" ? "id" : "attempt_id";
    for (const auto& [column, value] : changes_of(honest, table)) {
      const std::string last = "(SELECT max(" + column + ") FROM " + table + " WHERE " + owner + " = 2)";
      const std::string one = " WHERE " + owner + " = 2 AND coalesce(" + column + ", 0) = coalesce(" + last + ", 0)";
      SCOPED_TRACE(table + "." + column);
      ++changes;
      fs::copy_file(file("honest"), file(), fs::copy_options::overwrite_existing);
      change(file(), "UPDATE " + table + " SET " + column + " = " + value + one);
      const std::set<std::string> found = broken();
      const bool named = found.contains(table) || (table == "task" && column == "after_task");
      EXPECT_TRUE(named) << "found in: " << fmt::format("{}", fmt::join(found, ", "));
    }
    fs::copy_file(file("honest"), file(), fs::copy_options::overwrite_existing);
    if (table == "attempt" || table == "seal") continue;
    change(file(), "DELETE FROM " + table + " WHERE attempt_id = 2");
    EXPECT_TRUE(broken().contains(table)) << table;
  }
  EXPECT_GT(changes, 40u);
}

TEST_F(Seal, another_row_pointed_to_and_another_spec_are_found) {
  {
    Store store = writer();
    make(store, 0);
    make(store, 1);
  }
  fs::copy_file(file(), file("honest"));
  change(file(),
         "INSERT INTO machine SELECT 9, 'k', class_key, cpu, cpu_flags, gpu, os, cores + 1, memory_bytes FROM machine; "
         "UPDATE attempt SET machine_id = 9 WHERE id = 2");
  EXPECT_EQ(broken(), std::set<std::string>{"attempt"});
  fs::copy_file(file("honest"), file(), fs::copy_options::overwrite_existing);
  change(file(), "UPDATE run_spec SET spec = json_set(spec, '$.dataset.root', '/elsewhere') WHERE run_id = 2");
  EXPECT_EQ(broken(), std::set<std::string>{"spec"});
}

TEST_F(Seal, a_merge_keeps_it_whatever_the_ids) {
  {
    Store store = writer();
    make(store, 5);
    make(store, 1);
  }
  {
    Store other = Store::open(file("other"), Store::Mode::kWrite);
    base::RunSpec first = sample_spec(1);
    first.experiment = "alphabetically before";
    other.add_run(first);  // planned, never run: its spec is the alphabetically first, and no seal names it
    make(other, 2);
  }
  for (const auto& [out, inputs] :
       {std::pair("one", std::vector{file(), file("other")}), std::pair("two", std::vector{file("other"), file()})}) {
    store::merge(file(out), inputs);
    EXPECT_EQ(broken(file(out)), std::set<std::string>());
    const audit::Report report = audit::audit(file(out), {.run_key = "", .facts = {}, .sha256 = {}, .progress = {}});
    EXPECT_EQ(std::ranges::count_if(report.runs, [](const auto& run) { return run.seal.starts_with("rows are held"); }), 3);
  }
  change(file("one"), "UPDATE span SET wall_s = wall_s / 2 WHERE attempt_id = 3");
  EXPECT_EQ(broken(file("one")), std::set<std::string>{"span"});
}

TEST_F(Seal, what_comes_later_is_sealed_with_the_rest) {
  int64_t attempt = 0;
  {
    Store store = writer();
    attempt = begin(store, 0);
    store.add_status(attempt, {"cancelled", "stopped", "", ""});
  }
  EXPECT_EQ(broken(), std::set<std::string>());
  {
    Store store = writer();
    store.add_status(attempt, {"running", "resumed", "", ""});
    store.add_resource(attempt, {{{"updates", 9}}});
  }
  EXPECT_EQ(broken(), std::set<std::string>()) << "it runs";
  {
    Store store = writer();
    store.add_status(attempt, {"ok", "", "", ""});
    store.add_second_look(attempt, {.outcome = "same", .reason = {}, .samples = 6, .seconds = 1, .confined = true});
    store.add_annotation(1, "me", "", "a word");
  }
  EXPECT_EQ(broken(), std::set<std::string>());
  change(file(), "UPDATE second_look SET seconds = 2");
  EXPECT_EQ(broken(), std::set<std::string>{"second_look"});
}

// A copy that was made while it ran says "lost" of it, and seals that; the attempt itself ended well.
TEST_F(Seal, of_a_guess_gives_way_with_it) {
  {
    Store store = writer();
    const int64_t attempt = begin(store, 0);
    store.fold_log();
    fs::copy_file(file(), file("copy"));
    store.add_status(attempt, {"ok", "", "", ""});
  }
  Store::open(file("copy"), Store::Mode::kWrite).mark_lost_attempts();
  EXPECT_EQ(broken(file("copy")), std::set<std::string>());
  for (const auto& inputs : {std::vector{file(), file("copy")}, std::vector{file("copy"), file()}}) {
    fs::remove(file("out"));
    store::merge(file("out"), inputs);
    EXPECT_EQ(Store::open(file("out"), Store::Mode::kRead).runs().at(0).status.status, "ok");
    EXPECT_EQ(broken(file("out")), std::set<std::string>());
  }
}

TEST_F(Seal, an_attempt_without_one_is_said_to_have_none) {
  {
    Store store = writer();
    make(store, 0);
  }
  change(file(), "DELETE FROM seal");
  EXPECT_EQ(broken(), std::set<std::string>());
  const audit::Report report = audit::audit(file(), {.run_key = "", .facts = {}, .sha256 = {}, .progress = {}});
  EXPECT_NE(report.runs.at(0).seal.find("older clbench"), std::string::npos) << report.runs.at(0).seal;
}

}  // namespace
}  // namespace clb::results_test
