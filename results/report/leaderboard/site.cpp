#include "site.hpp"

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/output.hpp>
#include <clb/base/sha256.hpp>
#include <ctime>
#include <future>
#include <set>

#include "row_facts.hpp"

namespace clb::report {

namespace fs = std::filesystem;
using base::Json;

namespace {

const std::vector<std::string> kMetrics{"acc.mean.sample", "acc.last.sample", "forget.max_prev", "forget.max_all",
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
  Board board{.options = &options, .report = {}, .measured = {}, .comparisons = {}, .by_run_key = {}, .badges = {}};
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
const std::vector<std::string> kAssets{"style.css", "leaderboard.js", "plots.js", "compare.js"};
const std::vector<std::string> kAlways{"index.html", "style.css", "leaderboard.js", "plots.js",    "compare.js",
                                       "data.json",  "data.csv",  "changes.html",   "changes.json"};

// Each file of a site carries a mark, and a comma-separated one the header line that only this table has.
constexpr const char* kAssetMark = "/* generator: clbench leaderboard */\n";
constexpr std::string_view kPageMark = "<meta name=\"generator\" content=\"clbench leaderboard\">";
constexpr std::string_view kOldPageMark = "<p>Made by <code>clbench leaderboard</code> from stored counts and predictions.";

base::OutputRule rule_of(const LeaderboardOptions& options, const std::string& name) {
  const auto is_own = [name, &options](std::string_view ends) {
    const std::string kind = fs::path(name).extension();
    if (kind == ".html") return ends.find(kPageMark) != std::string::npos || ends.find(kOldPageMark) != std::string::npos;
    if (name == "changes.json") return ends.starts_with(kChangesMark);
    if (kind == ".json") return ends.starts_with(kDataJsonMark) || ends.starts_with(kOldDataJsonMark);
    if (kind == ".csv") return ends.starts_with(kDataCsvMark);
    if (ends.starts_with(kAssetMark)) return true;
    if (!fs::exists(options.templates / name)) return false;
    const std::string plain = base::read_file(options.templates / name).substr(0, base::kMarkBytes);  // of a site without marks
    return ends.starts_with(plain);
  };
  return {"of a site that clbench wrote", is_own, options.inputs, options.force};
}

void require_folder(const fs::path& out) {
  if (std::error_code error; fs::exists(out, error) && !fs::is_directory(out, error))
    throw base::Error(out.string() + ": is no folder; --out names one");
}

// Of the file as it lies there, which is what `sha256sum` says of the file that is published beside the site.
std::string hash_of(const store::Store& store) {
  std::error_code error;
  const fs::path log = store.file().string() + "-wal";
  const bool more = fs::exists(log, error) && fs::file_size(log, error) > 0;
  return base::hex(base::sha256_file(store.file())) + (more ? ", and what its -wal file holds" : "");
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[16];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &utc)};
}

class Site {
 public:
  Site(const store::Store& store, const LeaderboardOptions& options)
      : store_(store),
        options_(options),
        out_(base::followed(options.out)),
        hash_(std::async(std::launch::async, [&store] { return hash_of(store); })),
        board_(board_of(store, options)) {}

  size_t write() {
    for (const std::string& name : names()) require(name);
    make_folder(out_);
    for (const std::string& asset : kAssets) file(asset, kAssetMark + base::read_file(options_.templates / asset));
    auto data = std::async(std::launch::async, [&] { file("data.json", data_json(board_)); });
    page("index.html", "index", options_.title, "", Json::array(), index_values(board_));
    file("data.csv", data_csv(board_));
    data.get();
    changes();
    if (!options_.all_pages) return pages_;
    compare();
    for (const std::string& method : all_methods())
      page(method_file(method), "method", method, "../", Json::array(), method_values(board_, store_, method));
    run_pages();
    return pages_;
  }

 private:
  std::set<std::string> all_methods() const {
    std::set<std::string> methods;
    each_row(board_.report, [&](const TableRow& row) {
      if (!row.imported) methods.insert(row.method);
    });
    return methods;
  }

  static std::string method_file(const std::string& method) { return "method/" + file_name(method) + ".html"; }

  std::vector<std::string> names() const {
    std::vector<std::string> names = kAlways;
    if (!options_.all_pages) return names;
    names.push_back("compare.html");
    for (const Table& table : board_.report.tables) names.push_back(compare_file(table));
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

  static std::string compare_file(const Table& table) { return "compare/" + table_id(table) + ".js"; }

  void compare() {
    page("compare.html", "compare", "Two rows side by side", "", Json::array(), compare_values(board_));
    for (const Table& table : board_.report.tables) file(compare_file(table), kAssetMark + compare_script(board_, store_, table));
  }

  void changes() {
    std::error_code error;
    const fs::path before = out_ / "changes.json";
    constexpr uint64_t kMost = uint64_t{256} << 20;
    const Json now = changes_of(board_, fs::exists(before, error) ? base::read_file(before, kMost) : "", today());
    file("changes.json", std::string(kChangesMark) + now.dump(-1, ' ', false, Json::error_handler_t::replace).substr(1) + "\n");
    page("changes.html", "changes", "Changes", "", Json::array(), changes_values(now));
  }

  void run_pages() {
    size_t total = 0, done = 0;
    each_row(board_.report, [&](const TableRow& row) { total += row.runs.size(); });
    each_row(board_.report, [&](const TableRow& row) {
      const Json crumbs = Json::array({{{"href", "../" + method_file(row.method)}, {"text", row.method}}});
      for (const RunResult& run : row.runs) {
        const Json values = run_values(store_, run, row, options_.weight_names);
        page(run_file(run.run), "run", values.at("title"), "../", crumbs, values);
        if (options_.progress) options_.progress("pages of runs", ++done, total);
      }
    });
  }

  void page(const std::string& name, const std::string& tmpl, const std::string& title, const std::string& root, const Json& crumbs,
            const Json& values) {
    if (database_hash_.empty()) database_hash_ = hash_.get();
    file(name, render_page(options_.templates, "page",
                           {{"title", title},
                            {"site", options_.title},
                            {"root", root},
                            {"crumbs", crumbs},
                            {"version", options_.version},
                            {"hash", database_hash_},
                            {"compare", name == "compare.html"}},
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
  std::future<std::string> hash_;
  std::string database_hash_;
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
