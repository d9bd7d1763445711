#include "site.hpp"

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/output.hpp>
#include <future>
#include <set>

namespace clb::report {

namespace fs = std::filesystem;
using base::Json;

namespace {

const std::vector<std::string> kMetrics{"acc.mean.sample", "acc.last.sample", "forget.max_prev",
                                        "time.total",      "params.trained",  "state.total"};

template <class Visit>
void each_row(const Report& report, Visit visit) {
  for (const Table& table : report.tables)
    for (const Section& section : table.sections)
      for (const TableRow& row : section.rows) visit(row);
}

void add_published(Board& board, const store::Store& store, const LeaderboardOptions& options) {
  std::vector<store::RunRow> runs;
  each_row(board.report, [&](const TableRow& row) {
    if (!row.imported && options.is_published(row.spec))
      for (const RunResult& result : row.runs) runs.push_back(result.run);
  });
  board.measured = measured_runs(store, runs);
  board.comparisons = options.compare(board.measured);
  for (const AgainstReference& c : board.comparisons)
    for (const MeasuredRun* run : c.runs) board.by_run_key[run->key].push_back(&c);
}

// Sorted test batches tell a method that counts or votes the class: such rows are ranked with nobody. Upper bounds keep their title, by
// which pages know them.
void set_class_sorted_apart(Report& report) {
  for (Table& table : report.tables) {
    std::vector<Section> sections;
    for (Section& section : table.sections) {
      const auto sorted = std::ranges::stable_partition(section.rows, [](const TableRow& row) { return !row.class_sorted; });
      Section apart{section.title.empty() ? kClassSorted : section.title + "; " + kClassSorted,
                    {sorted.begin(), sorted.end()},
                    section.weights,
                    section.key,
                    section.overlap};
      section.rows.erase(sorted.begin(), sorted.end());
      if (section.title == kUpperBound) apart.title = section.title;
      for (TableRow& row : apart.rows) row.against_best.reset();
      if (!section.rows.empty()) sections.push_back(std::move(section));
      if (!apart.rows.empty()) sections.push_back(std::move(apart));
    }
    table.sections = std::move(sections);
  }
}

Board board_of(const store::Store& store, const LeaderboardOptions& options) {
  Board board;
  TableOptions table;
  table.metrics = kMetrics;
  table.experiment = options.experiment;
  table.curves = true;
  table.claims = options.claims;
  table.weight_names = options.weight_names;
  table.overlap = options.overlap;
  board.report = build(store, table);
  set_class_sorted_apart(board.report);
  if (options.compare && options.is_published) add_published(board, store, options);
  each_row(board.report, [&](const TableRow& row) { board.badges[&row] = badges_of(row, board.published(row), options); });
  return board;
}

// What every site has, whatever is in the database.
const std::vector<std::string> kAssets{"style.css", "leaderboard.js", "chart.min.js"};
const std::vector<std::string> kAlways{"index.html", "style.css", "leaderboard.js", "chart.min.js", "data.json", "data.csv"};

// Each file of a site carries a mark, and a comma-separated one the header line that only this table has.
constexpr const char* kAssetMark = "/* generator: clbench leaderboard */\n";
constexpr std::string_view kPageMark = "<meta name=\"generator\" content=\"clbench leaderboard\">";
constexpr std::string_view kOldPageMark = "<p>Made by <code>clbench leaderboard</code> from stored counts and predictions.";

base::OutputRule rule_of(const LeaderboardOptions& options, const std::string& name) {
  const auto is_own = [name, &options](std::string_view ends) {
    const std::string kind = fs::path(name).extension();
    if (kind == ".html") return ends.find(kPageMark) != std::string::npos || ends.find(kOldPageMark) != std::string::npos;
    if (kind == ".json") return ends.starts_with(kDataJsonMark) || ends.starts_with(kOldDataJsonMark);
    if (kind == ".csv") return ends.starts_with(kDataCsvMark);
    if (ends.starts_with(kAssetMark)) return true;
    const std::string plain = base::read_file(options.templates / name).substr(0, base::kMarkBytes);  // of a site without marks
    return ends.starts_with(plain);
  };
  return {"of a site that clbench wrote", is_own, options.inputs, options.force};
}

void require_folder(const fs::path& out) {
  if (std::error_code error; fs::exists(out, error) && !fs::is_directory(out, error))
    throw base::Error(out.string() + ": is no folder; --out names one");
}

class Site {
 public:
  Site(const store::Store& store, const LeaderboardOptions& options)
      : store_(store), options_(options), out_(base::followed(options.out)), board_(board_of(store, options)) {}

  size_t write() {
    for (const std::string& name : names()) require(name);
    make_folder(out_);
    for (const std::string& asset : kAssets) file(asset, kAssetMark + base::read_file(options_.templates / asset));
    auto data = std::async(std::launch::async, [&] { file("data.json", data_json(board_)); });
    page("index.html", "index", options_.title, "", Json::array(), true, index_values(board_));
    file("data.csv", data_csv(board_));
    data.get();
    if (!options_.all_pages) return pages_;
    for (const std::string& method : all_methods()) {
      page(method_file(method), "method", method, "../", Json::array(), false, method_values(board_, method));
    }
    run_pages();
    return pages_;
  }

 private:
  std::set<std::string> all_methods() const {
    std::set<std::string> methods;
    each_row(board_.report, [&](const TableRow& row) { methods.insert(row.method); });
    return methods;
  }

  static std::string method_file(const std::string& method) { return "method/" + file_name(method) + ".html"; }

  std::vector<std::string> names() const {
    std::vector<std::string> names = kAlways;
    if (!options_.all_pages) return names;
    for (const std::string& method : all_methods()) names.push_back(method_file(method));
    each_row(board_.report, [&](const TableRow& row) {
      for (const RunResult& run : row.runs) names.push_back(run_file(run.run));
    });
    return names;
  }

  void require(const std::string& name) const {
    if (std::error_code error; fs::exists(fs::symlink_status(out_ / name, error)))
      base::require_output(out_ / name, rule_of(options_, name));
  }

  static void make_folder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) throw base::Error(folder.string() + ": cannot be made: " + error.message());
  }

  void run_pages() {
    size_t total = 0, done = 0;
    each_row(board_.report, [&](const TableRow& row) { total += row.runs.size(); });
    each_row(board_.report, [&](const TableRow& row) {
      const Json crumbs = Json::array({{{"href", "../" + method_file(row.method)}, {"text", row.method}}});
      for (const RunResult& run : row.runs) {
        const Json values = run_values(store_, run, row, options_.weight_names);
        page(run_file(run.run), "run", values.at("title"), "../", crumbs, values.contains("curve"), values);
        if (options_.progress) options_.progress("pages of runs", ++done, total);
      }
    });
  }

  void page(const std::string& name, const std::string& tmpl, const std::string& title, const std::string& root, const Json& crumbs,
            bool charts, const Json& values) {
    file(name, render_page(options_.templates, "page",
                           {{"title", title}, {"site", options_.title}, {"root", root}, {"crumbs", crumbs}, {"charts", charts}},
                           render_page(options_.templates, tmpl, values)));
    ++pages_;
  }

  void file(const std::string& name, const std::string& text) {
    make_folder((out_ / name).parent_path());
    base::write_output(out_ / name, text, rule_of(options_, name));
  }

  const store::Store& store_;
  const LeaderboardOptions& options_;
  fs::path out_;
  Board board_;
  size_t pages_ = 0;
};

}  // namespace

void require_site(const LeaderboardOptions& options) {
  require_folder(options.out);
  for (const std::string& name : kAlways)
    if (std::error_code error; fs::exists(fs::symlink_status(options.out / name, error)))
      base::require_output(options.out / name, rule_of(options, name));
}

size_t write_leaderboard(const store::Store& store, const LeaderboardOptions& options) {
  require_site(options);
  return Site(store, options).write();
}

}  // namespace clb::report
