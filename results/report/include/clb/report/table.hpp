// `clbench table`: rows are methods (with the parameters that differ), columns are metrics; every cell says n, mean and spread over the
// runs.
#pragma once

#include <clb/store/store.hpp>
#include <string>
#include <vector>

namespace clb::report {

enum class Format { kText, kMarkdown, kCsv, kJson };

struct TableOptions {
  Format format = Format::kText;
  std::vector<std::string> metrics{"acc.mean.sample", "acc.last.sample", "forget.max_prev"};
  std::string experiment;             // only runs of this experiment name; empty: all
  std::vector<std::string> run_keys;  // only these; empty: all
  bool color = false;                 // a terminal
};

// Rows with different comparability keys stand in separate tables, each headed by its dataset, protocol and weights.
std::string render_table(const store::Store& store, const TableOptions& options);

}  // namespace clb::report
