// Databases of results, held against each other.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace clb::testing {

// What databases of the same runs agree in: all but ids, times, machines, processes and paths.
inline std::vector<std::string> dump(const std::filesystem::path& file) {
  SQLite::Database db(file.string());
  std::vector<std::string> rows;
  const std::string of_run = "attempt JOIN run ON run.id = attempt.run_id JOIN attempt_status AS s ON s.attempt_id = attempt.id";
  const std::vector<std::string> selects{
      "SELECT 'run', run.key, comparability_key, experiment, seed, order_seed, tasks_planned, config.key FROM run JOIN config ON config.id "
      "= "
      "run.config_id",
      "SELECT 'dataset', key, name, fingerprint, class_count FROM dataset",
      "SELECT 'protocol', key, kind, split, class_order FROM protocol",
      "SELECT 'parameter', config.key, name, value FROM parameter JOIN config ON config.id = config_id",
      "SELECT DISTINCT 'end', run.key, s.status FROM " + of_run + " WHERE s.status NOT IN ('lost', 'cancelled')",
      "SELECT 'task', run.key, after_task, classes FROM " + of_run + " JOIN task ON task.attempt_id = attempt.id WHERE s.status = 'ok'",
      "SELECT 'eval', run.key, after_task, on_group, n, correct, correct5, correct_within, loss_sum FROM " + of_run +
          " JOIN eval ON eval.attempt_id = attempt.id WHERE s.status = 'ok'",
      "SELECT 'prediction', run.key, after_task, n, width, sha256 FROM " + of_run +
          " JOIN prediction AS p ON p.attempt_id = attempt.id WHERE s.status = 'ok'",
      "SELECT 'logits', run.key, after_task, sha256 FROM " + of_run +
          " JOIN logit_hash AS l ON l.attempt_id = attempt.id WHERE s.status = 'ok'"};
  for (const std::string& select : selects) {
    SQLite::Statement query(db, select);
    while (query.executeStep()) {
      std::string row;
      for (int i = 0; i < query.getColumnCount(); ++i) row += query.getColumn(i).getString() + "|";
      rows.push_back(row);
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace clb::testing
