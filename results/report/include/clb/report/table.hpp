// `clbench table`: rows are methods (with the parameters that differ), columns are metrics; every cell says n, mean and spread over the
// runs (seeds x order seeds).
//
// Rows with different comparability keys (data and protocol) stand in separate tables, each headed by both. Rows on different weights stand
// in sections of their own, and ranks, marks and claims hold within those on the same weights. Upper bounds and the reproduction track are
// sections of their own too, and so is every set of what rows may use more of: task id at test, the test batch, a text tower, replay, data
// beside the stream. A run without a result is a note that says why. Times are cold-equivalent: measured, plus what the cached features
// cost when they were computed.
#pragma once

#include <clb/reference/claims.hpp>
#include <clb/store/store.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace clb::report {

enum class Format { kText, kMarkdown, kLatex, kCsv, kJson };

// What stands above the columns: metrics; accuracy over all classes seen after each task; or data sets and protocols, for the first metric.
enum class Columns { kMetrics, kTasks, kDatasets };

struct TableOptions {
  Columns columns = Columns::kMetrics;
  Format format = Format::kText;
  std::vector<std::string> metrics{};                 // empty: usual_metrics() of the runs that are shown
  std::string experiment;                             // only runs of this experiment name; empty: all
  std::vector<std::string> run_keys;                  // only these, whole or the first characters; empty: all
  std::vector<reference::Claim> claims{};             // judged below the tables
  bool color = false;                                 // a terminal
  std::map<std::string, std::string> weight_names{};  // by SHA-256; others are called by their files
  // Weights (SHA-256) and data (fingerprint) whose pre-training labels overlap, and what to say of it; "" when they do not.
  std::function<std::string(const std::string& weights, const std::string& fingerprint)> overlap{};
  bool curves = false;  // accuracy after each task and usage of prompts too: for the leaderboard
};

// text and Markdown: percentages with two decimals; CSV (RFC 4180) and JSON: unrounded fractions and seconds. Error (exit 2) for a metric,
// experiment or run key that is not there.
std::string render_table(const store::Store& store, const TableOptions& options);

// What the first table shows, in one sentence computed from it: the best and the last of the ranked rows by accuracy after the last task,
// what each forgot, and the upper bound. Empty when no two rows are ranked.
std::string headline(const store::Store& store, TableOptions options);

}  // namespace clb::report
