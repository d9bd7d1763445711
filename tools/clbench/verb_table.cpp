// clbench table: results of a database as a table.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/compare/spec.hpp>
#include <clb/report/table.hpp>
#include <clb/store/table_key.hpp>
#include <map>
#include <optional>

#include "database.hpp"
#include "options.hpp"
#include "reference.hpp"

namespace clb::cli {

namespace {

constexpr VerbText kTable{"table", "[RUN...]", "results as a table; RUN: only these runs (first characters of their keys), in one table",
                          "clbench table --metrics acc.mean.sample,acc.last.sample --format markdown"};

report::Format format_of(const Options& options) {
  const std::map<std::string, report::Format> formats{{"text", report::Format::kText},         {"md", report::Format::kMarkdown},
                                                      {"markdown", report::Format::kMarkdown}, {"latex", report::Format::kLatex},
                                                      {"tex", report::Format::kLatex},         {"csv", report::Format::kCsv},
                                                      {"json", report::Format::kJson}};
  if (options.flag("json")) return report::Format::kJson;
  const auto found = formats.find(options.text("format"));
  if (found == formats.end()) {
    throw base::Error(fmt::format("table: there is no format '{}'; it is text, markdown, latex, csv or json", options.text("format")));
  }
  return found->second;
}

report::Columns columns_of(const Options& options) {
  const std::string what = options.text("columns");
  if (what == "metrics") return report::Columns::kMetrics;
  if (what == "tasks") return report::Columns::kTasks;
  if (what == "datasets") return report::Columns::kDatasets;
  throw base::Error(fmt::format("table: there are no columns '{}'; it is metrics, tasks or datasets", what));
}

// Runs that were asked for by name share a table, or the first field that keeps them apart is told.
void require_one_key(const store::Store& store, const std::vector<std::string>& keys) {
  if (keys.empty()) return;
  std::optional<store::RunRow> first;
  for (const store::RunRow& run : store.light_runs()) {
    if (std::ranges::none_of(keys, [&](const std::string& key) { return run.key.starts_with(key); })) continue;
    if (!first) first = run;
    if (run.comparability_key == first->comparability_key) continue;
    const base::Json one = store.spec(first->run_id), other = store.spec(run.run_id);
    if (store::table_key(one, first->comparability_key) == store::table_key(other, run.comparability_key)) continue;
    throw base::Error(fmt::format("runs {} and {} cannot share a table: they differ in {}", first->key.substr(0, 12), run.key.substr(0, 12),
                                  compare::comparability_difference(one, other)));
  }
}

}  // namespace

int verb_table(const Arguments& arguments) {
  Options options(kTable);
  options.add_database();
  options.add()("experiment", po::value<std::string>()->value_name("NAME"), "only the runs of this experiment");
  options.add()("columns", po::value<std::string>()->value_name("WHAT")->default_value("metrics"),
                "metrics; tasks: accuracy after each; datasets: the first metric, a column for each data set and protocol");
  options.add()(
      "metrics", po::value<std::string>()->value_name("A,B"),
      "columns; default acc.mean.sample,acc.last.sample,forget.max_prev, and where all runs were evaluated on classes to come too "
      "transfer,acc.mean.all,acc.last.task");
  options.add()("format", po::value<std::string>()->value_name("FORMAT")->default_value("text"),
                "text, markdown, latex (booktabs), csv or json");
  options.add()("reference", "published numbers beside what was measured here, instead of the results");
  options.add()("method", po::value<std::string>()->value_name("NAME"), "with --reference: only this method");
  options.add()("runs", po::value<std::string>()->value_name("FILE"), "with --reference: recorded runs instead of a database");
  options.add()("record", po::value<std::string>()->value_name("FILE"), "with --reference: add the database's runs that it shows to FILE");
  options.add_installation();
  options.add_cache();
  options.add_json();
  if (!options.parse(arguments, 0, 1000)) return 0;

  if (options.flag("reference")) {
    const std::string text = reference_table(options, format_of(options));
    fmt::print("{}", text);
    return 0;
  }
  for (const char* option : {"method", "runs", "record"})
    if (options.flag(option)) throw base::Error(fmt::format("table: --{} goes with --reference", option));
  report::TableOptions table;
  table.columns = columns_of(options);
  table.format = format_of(options);
  table.experiment = options.text("experiment");
  table.color = table.format == report::Format::kText && isatty(STDOUT_FILENO) == 1;
  table.claims = claims_of_the_literature();
  tell_of_weights(table, options);
  if (options.flag("metrics")) table.metrics = split_list(options.text("metrics"));
  if (options.flag("metrics") && table.metrics.empty()) throw base::Error("table: --metrics names no metric");
  const Readable database(options.text("db"));  // of a sweep also before its merge
  const store::Store store = store::Store::open(database.file(), store::Store::Mode::kRead);
  table.run_keys = options.words();
  require_one_key(store, table.run_keys);
  const std::string text = report::render_table(store, table);
  fmt::print("{}{}", text, text.ends_with('\n') ? "" : "\n");
  return 0;
}

}  // namespace clb::cli
