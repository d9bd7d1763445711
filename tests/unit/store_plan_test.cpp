// Every statement that the store prepares for reading uses an index, whatever it is: a hook of SQLite sees them all, and EXPLAIN QUERY PLAN
// says how each would be answered.
#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include <clb/store/row_audit.hpp>
#include <set>

#include "results_fixture.hpp"

namespace clb::results_test {
namespace {

using store::Store;

std::set<std::string>* seen = nullptr;

int note(unsigned, void*, void*, void* text) {
  std::string sql = static_cast<const char*>(text);
  sql.erase(0, sql.find_first_not_of(" \n"));
  if (seen && sql.starts_with("SELECT")) seen->insert(sql);
  return 0;
}

int hook(sqlite3* db, char**, const sqlite3_api_routines*) { return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, note, nullptr); }

class StorePlan : public ResultsTest {
 protected:
  void SetUp() override {
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(hook));
    seen = &statements_;
  }
  void TearDown() override {
    seen = nullptr;
    sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(hook));
  }

  // "SCAN eval": all rows of a table, where an index would do.
  std::vector<std::string> scans(SQLite::Database& db, const std::string& sql) {
    std::vector<std::string> found;
    SQLite::Statement plan(db, "EXPLAIN QUERY PLAN " + sql);
    while (plan.executeStep()) {
      const std::string step = plan.getColumn(3).getString();
      if (step.starts_with("SCAN") && step.find("INDEX") == std::string::npos) found.push_back(step);
    }
    return found;
  }

  std::set<std::string> statements_;
};

TEST_F(StorePlan, no_statement_reads_a_table_from_end_to_end) {
  {
    Store store = writer();
    const int64_t attempt = store.begin_attempt(sample_spec(), sample_start());
    store.add_hello(attempt, {});
    store.add_targets(attempt, {"test", {0, 1, 2, 3, 4, 5}});
    store.add_task(attempt, sample_task(0, {20}, {15}));
    store.add_resource(attempt, {{{"updates", 3}}});
    store.add_status(attempt, {"ok", "", "", ""});
    store.add_imported({{"A paper", "", "", "data", "protocol", "weights", "l2p", "", {{"acc.last.sample", 1, 3, 0.5, {}}}}});
  }
  statements_.clear();
  {
    Store store = reader();
    const store::RunRow run = store.runs().at(0);
    store.light_runs();
    store.runs_of("small");
    store.finished(run.key, run.plugin_hash, run.runner_hash, false);
    store.interrupted(run.key, run.plugin_hash, run.runner_hash);
    store.attempt_uuid(run.attempt_id);
    store.evals(run.attempt_id);
    store.results({run.attempt_id}, {"updates"}, [](size_t, const store::AttemptResults&) {});
    store.prediction(run.attempt_id, 0);
    store.targets(run.attempt_id);
    store.outcomes(run.attempt_id);
    store.prediction_hashes(run.attempt_id);
    store.logit_hashes(run.attempt_id);
    store.metrics(run.attempt_id);
    store.spans(run.attempt_id);
    store.resources(run.attempt_id);
    store.expected_seconds(sample_spec());
    store.cost(sample_spec(), sample_start().machine);
    store.classes(run.attempt_id);
    EXPECT_EQ(store.attempts_with_predictions(), (std::set<int64_t>{run.attempt_id}));
    store::RowAudit rows(file());
    rows.run(run.run_id);
    rows.attempts(run.run_id);
  }
  ASSERT_GT(statements_.size(), 15u);
  const std::set<std::string> statements = statements_;
  SQLite::Database db(file().string());
  for (const std::string& sql : statements) {
    if (sql.find("sqlite_schema") != std::string::npos || sql.find("sqlite_master") != std::string::npos) continue;
    for (const std::string& scan : scans(db, sql)) ADD_FAILURE() << scan << "\n  of " << sql;
  }
  // The hook would also see a statement that does: this one.
  EXPECT_FALSE(scans(db, "SELECT * FROM attempt WHERE libtorch = 'x'").empty());
}

}  // namespace
}  // namespace clb::results_test
