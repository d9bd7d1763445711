// clbench export: runs, counts and metrics of a database for other programs.
#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/output.hpp>
#include <clb/base/streams.hpp>
#include <clb/report/export.hpp>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "options.hpp"

namespace clb::cli {

namespace fs = std::filesystem;

namespace {

constexpr VerbText kExport{"export", "[runs|evals|metrics|imported|predictions]", "runs, counts, metrics and predictions as CSV or JSON",
                           "clbench export metrics --format csv --out metrics.csv"};

struct OutputLost {};  // nobody reads what would still come: it is not computed

// To stdout, or to a file that is there whole or not at all.
class Target {
 public:
  explicit Target(const Options& options) {
    if (!options.flag("out")) return;
    const base::OutputRule rule{"an export of clbench", report::is_export, database_files(options.text("db")), options.flag("force")};
    file_.emplace(options.text("out"), rule);
  }
  void write(std::string_view text) {
    if (file_) {
      buffer_ += text;
      if (buffer_.size() > kBuffer) flush();
    } else {
      std::fwrite(text.data(), 1, text.size(), stdout);
      if (base::output_is_lost()) throw OutputLost();
    }
  }
  void finish() {
    if (!file_) return;
    flush();
    file_->finish();
  }

 private:
  static constexpr size_t kBuffer = size_t{1} << 20;
  void flush() {
    file_->write(buffer_);
    buffer_.clear();
  }
  std::optional<base::Output> file_;
  std::string buffer_;
};

}  // namespace

int verb_export(const Arguments& arguments) {
  Options options(kExport);
  options.add_database();
  options.add()("format", po::value<std::string>()->value_name("FORMAT")->default_value("json"),
                "json: one table, or all but predictions; csv: one table");
  options.add()("out", po::value<std::string>()->value_name("FILE"), "write to FILE instead of stdout");
  options.add_force();
  options.add_json();
  if (!options.parse(arguments, 0, 1)) return 0;
  const std::vector<std::string> all = report::export_tables();
  const std::vector<std::string> tables = options.words().empty() ? report::usual_tables() : options.words();
  if (std::ranges::find(all, tables.front()) == all.end())
    throw base::Error(fmt::format("export: there is no table '{}'; it is one of {}", tables.front(), fmt::join(all, ", ")));
  const std::string format = options.flag("json") ? "json" : options.text("format");
  if (format != "json" && format != "csv") throw base::Error(fmt::format("export: there is no format '{}'; it is json or csv", format));
  if (format == "csv" && tables.size() > 1)
    throw base::Error(fmt::format("export: CSV holds one table; say which: {}", fmt::join(all, ", ")));

  const store::Store store = store::Store::open(options.text("db"), store::Store::Mode::kRead);
  Target output(options);
  const report::Sink sink = [&](std::string_view text) { output.write(text); };
  try {
    if (format == "csv") {
      report::export_csv(store, tables.front(), sink);
    } else {
      report::export_json(store, tables, sink);
    }
    output.finish();
  } catch (const OutputLost&) {  // main says why, where there is something to say
  }
  return 0;
}

}  // namespace clb::cli
