// The site of a database that holds every kind of row. It stays in <build>/site_test, where tests/site/browser_test.py looks at it.
#include <algorithm>
#include <clb/base/file.hpp>
#include <clb/report/leaderboard.hpp>
#include <cmath>
#include <set>

#include "report_fixture.hpp"

namespace clb::results_test {
namespace {

using report::Comparison;
using report::LeaderboardOptions;
using report::MeasuredRun;

class Leaderboard : public ReportTest {
 protected:
  LeaderboardOptions options(const fs::path& out) {
    LeaderboardOptions o;
    o.out = out;
    o.templates = fs::path(CLB_BINARY_DIR) / "share/clbench/leaderboard";
    return o;
  }
  size_t write(const LeaderboardOptions& o) { return write_leaderboard(reader(), o); }
  std::string page(const std::string& name) { return base::read_file(folder_ / "site" / name); }
  base::Json data() { return base::parse_json(page("data.json"), "data.json"); }

  // Badges of the row of this method and preset, in the first table that has it.
  std::set<std::string> badges(const std::string& method, const std::string& setting = "") {
    std::set<std::string> found;
    const base::Json json = data();
    for (const base::Json& row : json.at("rows")) {
      if (row.at("method") != method || (!setting.empty() && row.at("setting") != setting)) continue;
      for (const base::Json& badge : row.at("badges")) found.insert(badge.at("text").get<std::string>());
      return found;
    }
    ADD_FAILURE() << "no row of " << method;
    return found;
  }

  void published(LeaderboardOptions& o, double value, bool implementation = false) {
    o.is_published = [](const base::Json& spec) { return spec.at("method").at("id") == "simplecil"; };
    o.compare = [=](const std::vector<MeasuredRun>& runs) {
      Comparison c;
      c.entry.metric = "acc.last.sample";
      c.entry.citation = "Somebody, 2024";
      c.entry.value = value;
      c.entry.tolerance = 1;
      c.entry.implementation = implementation;
      for (const MeasuredRun& run : runs)
        if (run.spec.at("method").at("id") == "simplecil" && run.spec.at("protocol").at("evaluate_on") == "test") c.runs.push_back(&run);
      c.ours = stats::Summary{static_cast<int64_t>(c.runs.size()), 55, 50, 60, "t95"};
      const bool near = std::abs(55 - value) <= 1;
      c.verdict = near ? (implementation ? "matches reference implementation" : "within tolerance") : "outside tolerance (by 9.00)";
      return std::vector<Comparison>{c};
    };
  }
};

TEST_F(Leaderboard, HoldsEveryRowAndRun) {
  fill_everything();
  const fs::path out = fs::path(CLB_BINARY_DIR) / "site_test" / "site";
  fs::remove_all(out);
  LeaderboardOptions o = options(out);
  published(o, 55.5);
  o.overlap = [](const std::string&, const std::string&) { return "the weights know these classes"; };
  const size_t runs = reader().runs().size();
  EXPECT_GT(write(o), runs);
  const std::string index = base::read_file(out / "index.html");
  for (const char* text :
       {"upper bounds (joint training)", "task id known at test", "replay of training samples", "l2p/small",
        "oracle|pipes, &quot;quotes&quot;", "matches reference", "verified", "-0.50 to published", "slca: 2 of 2 runs have no result"})
    EXPECT_NE(index.find(text), std::string::npos) << text;
  EXPECT_EQ(index.find("http"), std::string::npos) << "no network";
  EXPECT_EQ(index.find("\\n<"), std::string::npos) << "the page itself is no foreign text";
  const std::string csv = base::read_file(out / "data.csv");
  EXPECT_EQ(static_cast<size_t>(std::count(csv.begin(), csv.end(), '\n')),
            1 + base::parse_json(base::read_file(out / "data.json"), "").at("rows").size());
  size_t pages = 0;
  for (const auto& entry : fs::directory_iterator(out / "run")) pages += entry.is_regular_file();
  EXPECT_EQ(pages, runs);
  const std::string run = base::read_file(out / "run" / (sample_spec(0).key().substr(0, 16) + ".html"));
  for (const char* text : {"clbench run small.toml", "abc123", "Some CPU", "Accuracy matrix", "acc.within_task", "first 50 training"})
    EXPECT_NE(run.find(text), std::string::npos) << text;
}

TEST_F(Leaderboard, BadgesFollowTheirRules) {
  {
    Store store = writer();
    finish(store, sample_spec(0), 2);
    base::RunSpec vote = l2p(0, 5);
    vote.method.capabilities = CLB_CAP_BATCH_DEPENDENT;
    finish(store, vote, 3);
    int64_t attempt = finish(store, sample_spec(0, "short"), 3);
    store.add_metrics(attempt, {{"updates", 0, 0, 99}, {"updates", 1, 1, 500}});
    attempt = finish(store, sample_spec(0, "one_prompt"), 3);
    store.add_metrics(attempt, {{"pool_usage", 2, 0, 1000}, {"pool_usage", 2, 1, 1}, {"pool_usage", 2, 2, 0}, {"updates", 0, 0, 100}});
    attempt = finish(store, sample_spec(0, "two_layers"), 3);
    store.add_metrics(attempt,
                      {{"pool_usage/0", 2, 0, 9}, {"pool_usage/0", 2, 1, 0}, {"usage/pool/1", 2, 0, 5}, {"usage/pool/1", 2, 1, 5}});
    attempt = store.begin_attempt(sample_spec(0, "chance"), sample_start());
    for (int64_t t = 0; t < 3; ++t) {
      const std::vector<int64_t> n{10, 20, 30}, correct{2, 6, 11};  // 19 of 60 in the end: below 2 / 6 classes
      store.add_task(attempt, sample_task(t, {n.begin(), n.begin() + t + 1}, {correct.begin(), correct.begin() + t + 1}));
    }
    store.add_status(attempt, {"ok", "", "", ""});
    finish(store, sample_spec(0, "careless"), 3);
  }
  LeaderboardOptions o = options(folder_ / "site");
  published(o, 64);
  write(o);
  EXPECT_EQ(badges("simplecil"), (std::set<std::string>{"deviates"}));
  EXPECT_EQ(badges("l2p"), (std::set<std::string>{"unverified", "leaks"}));
  EXPECT_EQ(badges("short"), (std::set<std::string>{"unverified", "under-trained"}));
  EXPECT_EQ(badges("one_prompt"), (std::set<std::string>{"unverified", "collapsed"}));
  EXPECT_EQ(badges("two_layers"), (std::set<std::string>{"unverified"})) << "the second layer uses both";
  EXPECT_EQ(badges("chance"), (std::set<std::string>{"unverified", "collapsed"}));
  EXPECT_EQ(badges("careless"), (std::set<std::string>{"unverified"})) << "nothing is said of validation";
  EXPECT_NE(page("run/" + sample_spec(0, "one_prompt").key().substr(0, 16) + ".html").find("Usage of pool"), std::string::npos);
  published(o, 55, true);
  write(o);
  EXPECT_EQ(badges("simplecil"), (std::set<std::string>{"matches reference implementation"}));
  published(o, 54.5);
  write(o);
  EXPECT_EQ(badges("simplecil"), (std::set<std::string>{"verified"}));
}

// What `clbench validate --json` printed of a plugin, whose check `name` ended so.
report::Validation validation(const std::string& hash, const base::Json& params, const std::string& name, const std::string& status,
                              bool leak, const base::Json& declared = base::Json::object(), bool all = true) {
  const base::Json row{{"check", name}, {"status", status}, {"remark", "for a reason"}, {"leak", leak}};
  const base::Json rows = base::Json::array({row});
  return report::Validation::from_json({{"plugin_hash", hash}, {"params", params}, {"declared", declared}, {"all", all}, {"checks", rows}},
                                       "v.json");
}

TEST_F(Leaderboard, ValidationSpeaksOfThePluginFileAndItsParameters) {
  {
    Store store = writer();
    finish(store, l2p(0, 5), 3);
  }
  const std::string hash = reader().runs().front().plugin_hash;
  const base::Json mine = l2p(0, 5).method.params;
  base::Json other = mine;
  other["top_k"] = 1;
  using Badges = std::set<std::string>;
  const auto given = [&](std::vector<report::Validation> validations) {
    LeaderboardOptions o = options(folder_ / "site");
    o.validations = std::move(validations);
    write(o);
    return badges("l2p");
  };
  EXPECT_EQ(given({validation(hash, mine, "hidden_images", "pass", true)}), (Badges{"unverified"}));
  EXPECT_EQ(given({validation(hash, mine, "hidden_images", "fail", true)}), (Badges{"unverified", "leaks"}));
  EXPECT_EQ(given({validation(hash, mine, "hidden_images", "expected", true)}), (Badges{"unverified", "leaks"})) << "declared, and a leak";
  EXPECT_EQ(given({validation(hash, mine, "bitwise", "fail", false)}), (Badges{"unverified", "fails checks"}));
  EXPECT_EQ(given({validation(hash, mine, "bitwise", "expected", false)}), (Badges{"unverified"}));
  EXPECT_EQ(given({validation(hash, other, "hidden_images", "pass", true)}), (Badges{"unverified", "not validated"}));
  EXPECT_EQ(given({validation(std::string(64, '0'), mine, "hidden_images", "pass", true)}), (Badges{"unverified", "not validated"}));
  EXPECT_EQ(given({validation(hash, other, "hidden_images", "pass", true), validation(hash, mine, "hidden_images", "fail", true),
                   validation(hash, mine, "hidden_images", "pass", true)}),
            (Badges{"unverified", "leaks"}))
      << "no passed result takes a failed one back";
  EXPECT_EQ(given({validation(hash, other, "hidden_images", "pass", true, {{"top_k", 1}})}), (Badges{"unverified"}))
      << "the plugin declares another value for validation";
  EXPECT_EQ(given({validation(hash, mine, "hidden_images", "pass", true, base::Json::object(), false)}),
            (Badges{"unverified", "not validated"}))
      << "only some checks";
  sentence([] { report::Validation::from_json({{"plugin", "x.so"}, {"checks", base::Json::array()}}, "old.json"); });
}

TEST_F(Leaderboard, RowsOfSortedTestBatchesStandApartAndAreNotRanked) {
  {
    Store store = writer();
    for (int64_t seed = 0; seed < 3; ++seed) {
      base::RunSpec sorted = sample_spec(seed, "sorted");
      sorted.protocol.test_batches = "class_sorted";
      finish(store, sorted, 3);
      finish(store, sample_spec(seed, "plain"), 3);
    }
  }
  write(options(folder_ / "site"));
  const base::Json site = data();
  for (const base::Json& row : site.at("rows"))
    EXPECT_EQ(row.at("section"), row.at("method") == "sorted" ? "test batches sorted by class, only to reproduce published numbers" : "");
  EXPECT_NE(page("index.html").find("test batches sorted by class, only to reproduce"), std::string::npos);
}

TEST_F(Leaderboard, ForeignTextIsNoMarkup) {
  {
    Store store = writer();
    base::RunSpec evil = sample_spec(0, "</script><script>alert(1)</script>");
    finish(store, evil, 2);
    fail(store, sample_spec(0, "../../escape"), "failed", "<img src=x onerror=alert(2)>");
  }
  write(options(folder_ / "site"));
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "site")) {
    if (entry.path().extension() != ".html") continue;
    const std::string text = base::read_file(entry.path());
    EXPECT_EQ(text.find("<script>alert"), std::string::npos) << entry.path();
    EXPECT_EQ(text.find("<img"), std::string::npos) << entry.path();
  }
  EXPECT_FALSE(fs::exists(folder_ / "escape.html"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "site" / "method"), fs::directory_iterator()), 2);
}

TEST_F(Leaderboard, AnEmptyDatabaseAndTheIndexAlone) {
  writer();
  LeaderboardOptions o = options(folder_ / "site");
  EXPECT_EQ(write(o), 1u);
  EXPECT_NE(page("index.html").find("no runs in this database yet"), std::string::npos);
  {
    Store store = writer();
    finish(store, sample_spec(0), 2);
  }
  o.all_pages = false;
  EXPECT_EQ(write(o), 1u);
  o.out = file();  // a file
  sentence([&] { write(o); });
}

}  // namespace
}  // namespace clb::results_test
