// The site of a database that holds every kind of row. It stays in <build>/site_test, where tests/site/browser_test.py looks at it.
#include <algorithm>
#include <array>
#include <clb/base/file.hpp>
#include <clb/report/leaderboard.hpp>
#include <cmath>
#include <cstdio>
#include <set>

#include "report_fixture.hpp"

namespace clb::results_test {
namespace {

using report::AgainstReference;
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
      AgainstReference c;
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
      return std::vector<AgainstReference>{c};
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
  o.about["simplecil"] = {.family = "frozen features",
                          .title = "A {Paper}",
                          .authors = "Doe, Jane",
                          .venue = "ICCV",
                          .year = 2023,
                          .date = "2023-03",
                          .paper = "https://example.org/paper",
                          .code = "https://example.org/code",
                          .licence = "MIT"};
  const size_t runs = reader().runs().size();
  EXPECT_GT(write(o), runs);
  const std::string index = base::read_file(out / "index.html");
  for (const char* text :
       {"upper bounds (joint training)", "task id known at test", "replay of training samples", "l2p/small",
        "oracle|pipes, &quot;quotes&quot;", "matches reference", "verified", "-0.50 to published", "slca: 2 of 2 runs have no result",
        "<a href=\"https://example.org/paper\"", "frozen features", "2023-03", "run here", "Pareto front", "\\toprule"})
    EXPECT_NE(index.find(text), std::string::npos) << text;
  for (const char* asks : {"src=\"http", "rel=\"stylesheet\" href=\"http", "url(", "@import"})
    EXPECT_EQ(index.find(asks), std::string::npos) << "no network: " << asks;
  EXPECT_NE(base::read_file(out / "method" / "simplecil.html").find("@misc{simplecil,"), std::string::npos);
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
  EXPECT_EQ(badges("l2p"), (std::set<std::string>{"leaks"}));
  EXPECT_EQ(badges("short"), (std::set<std::string>{"under-trained"}));
  EXPECT_EQ(badges("one_prompt"), (std::set<std::string>{"collapsed"}));
  EXPECT_EQ(badges("two_layers"), std::set<std::string>{}) << "the second layer uses both";
  EXPECT_EQ(badges("chance"), (std::set<std::string>{"collapsed"}));
  EXPECT_EQ(badges("careless"), std::set<std::string>{}) << "nothing is said of validation";
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
  EXPECT_EQ(given({validation(hash, mine, "hidden_images", "pass", true)}), Badges{});
  EXPECT_EQ(given({validation(hash, mine, "hidden_images", "fail", true)}), (Badges{"leaks"}));
  EXPECT_EQ(given({validation(hash, mine, "hidden_images", "expected", true)}), (Badges{"leaks"})) << "declared, and a leak";
  EXPECT_EQ(given({validation(hash, mine, "bitwise", "fail", false)}), (Badges{"fails checks"}));
  EXPECT_EQ(given({validation(hash, mine, "bitwise", "expected", false)}), Badges{});
  EXPECT_EQ(given({validation(hash, other, "hidden_images", "pass", true)}), (Badges{"not validated"}));
  EXPECT_EQ(given({validation(std::string(64, '0'), mine, "hidden_images", "pass", true)}), (Badges{"not validated"}));
  EXPECT_EQ(given({validation(hash, other, "hidden_images", "pass", true), validation(hash, mine, "hidden_images", "fail", true),
                   validation(hash, mine, "hidden_images", "pass", true)}),
            (Badges{"leaks"}))
      << "no passed result takes a failed one back";
  EXPECT_EQ(given({validation(hash, other, "hidden_images", "pass", true, {{"top_k", 1}})}), Badges{})
      << "the plugin declares another value for validation";
  EXPECT_EQ(given({validation(hash, mine, "hidden_images", "pass", true, base::Json::object(), false)}), (Badges{"not validated"}))
      << "only some checks";
  base::Json used = mine;
  used["unused_here"] = 1;  // a run leaves out what has its neutral value; here it was validated with another
  EXPECT_EQ(given({validation(hash, used, "hidden_images", "pass", true)}), (Badges{"not validated"}));
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

// Three methods on two splits; the third was run on one of them alone, and one of its runs failed there.
void fill_two_tables(Store store) {
  for (const char* split : {"B0-Inc2", "B0-Inc3"})
    for (int64_t seed = 0; seed < 3; ++seed)
      for (const auto& [method, skill] : {std::pair{"simplecil", 1}, {"good", 3}}) {
        base::RunSpec spec = sample_spec(seed, method);
        spec.protocol.split = split;
        finish(store, spec, skill + seed);
      }
  base::RunSpec half = sample_spec(0, "half");
  half.protocol.split = "B0-Inc2";
  finish(store, half, 2);
  half.seed = 1;
  fail(store, half, "crashed", "SIGSEGV");
}

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const size_t from = text.find(begin);
  return from == std::string::npos ? "" : text.substr(from, text.find(end, from) - from);
}

TEST_F(Leaderboard, TheFrontRanksCompleteRowsAndSaysWhatOthersLack) {
  fill_two_tables(writer());
  write(options(folder_ / "site"));
  const std::string front = between(page("index.html"), "<section id=\"front\"", "</section>");
  const size_t good = front.find(">good</a>"), simple = front.find(">simplecil</a>"), half = front.find(">half</a>");
  ASSERT_NE(half, std::string::npos) << front.substr(0, 2000);
  EXPECT_LT(good, simple);
  EXPECT_LT(simple, half) << "incomplete rows stand last";
  const std::string line = between(front.substr(front.rfind("<tr", half)), "<tr", "</tr>");
  EXPECT_NE(line.find("lacks"), std::string::npos);
  EXPECT_NE(line.find("1 of 2 runs"), std::string::npos) << line;
  EXPECT_EQ(line.find(" best"), std::string::npos);
  EXPECT_NE(line.find("<td class=\"rank\" data-value=\"\"></td>"), std::string::npos) << "no rank: " << line;
  const std::string best = between(front.substr(front.rfind("<tr", good)), "<tr", "</tr>");
  EXPECT_NE(best.find("data-value=\"1\">1</td>"), std::string::npos) << best;
  EXPECT_NE(best.find("s4 best"), std::string::npos);
  writer().add_imported({{.citation = "Doe, 2024",
                          .url = {},
                          .comparability_key = {},
                          .dataset = "elsewhere",
                          .protocol = "B0-Inc10",
                          .weights = "ViT",
                          .method = "theirs",
                          .setting = {},
                          .metrics = {{"acc.mean.sample", 1, 2, 0.8, {}}}}});
  write(options(folder_ / "site"));
  EXPECT_NE(page("index.html").find(">elsewhere<"), std::string::npos);
  EXPECT_EQ(page("index.html").find("missing: elsewhere"), std::string::npos) << "nobody on these weights was run there";
}

TEST_F(Leaderboard, GainIsOverTheFrozenNearestMeanOfTheSameTable) {
  fill_two_tables(writer());
  write(options(folder_ / "site"));
  const std::string index = page("index.html");
  const base::Json rows = data().at("rows");
  std::map<std::string, double> mean;
  for (const base::Json& row : rows) mean[row.at("method")] = row.at("cells").at("acc.mean.sample").at("mean");
  std::array<char, 32> text{};
  snprintf(text.data(), text.size(), ">+%.2f<", 100 * (mean.at("good") - mean.at("simplecil")));
  EXPECT_NE(index.find(text.data()), std::string::npos) << text.data();
}

TEST_F(Leaderboard, ImportedRowsAreNoHolesAndTheirLinksAreOfTheWeb) {
  {
    Store store = writer();
    store::ImportedRow row{.citation = "Doe, 2024",
                           .url = "javascript:alert(1)",
                           .comparability_key = {},
                           .dataset = "CIFAR-100",
                           .protocol = "B0-Inc10",
                           .weights = "ViT",
                           .method = "theirs",
                           .setting = {},
                           .metrics = {{"acc.last.sample", 1, 2, 0.8, {}}}};
    store::ImportedRow other = row;
    other.method = "others";
    other.url = "https://example.org/paper";
    EXPECT_EQ(store.add_imported({row, other}), 2u);
  }
  write(options(folder_ / "site"));
  const std::string index = page("index.html");
  EXPECT_NE(index.find("2 imported rows in 1 table"), std::string::npos) << between(index, "<p class=\"lead\"", "</p>");
  EXPECT_EQ(index.find("Holes"), std::string::npos);
  EXPECT_EQ(index.find("javascript:"), index.find("javascript:alert(1)\">imported")) << "in the words of its source, never as a link";
  EXPECT_EQ(index.find("href=\"javascript"), std::string::npos);
  EXPECT_NE(index.find("href=\"https://example.org/paper\""), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "site" / "method")) << "what nobody ran here has no page";
}

TEST_F(Leaderboard, LevelsSayWhoRanAndWhoRecounted) {
  std::string theirs, mine;
  {
    Store store = writer();
    finish(store, sample_spec(0, "theirs"), 2);
    finish(store, sample_spec(0, "mine"), 3);
  }
  for (const store::RunRow& run : reader().runs()) (run.method == "theirs" ? theirs : mine) = run.uuid;
  const auto level = [&](const std::string& method) {
    const base::Json rows = data().at("rows");
    for (const base::Json& row : rows)
      if (row.at("method") == method) return row.at("level").get<std::string>();
    return std::string();
  };
  LeaderboardOptions o = options(folder_ / "site");
  o.submitted = {theirs};
  write(o);
  EXPECT_EQ(level("theirs"), "submitted");
  EXPECT_EQ(level("mine"), "run here");
  EXPECT_EQ(page("index.html").find("recounted<"), std::string::npos) << "nobody audited";
  o.recounted = {{sample_spec(0, "theirs").key(), ""}, {sample_spec(0, "mine").key(), "a count differs"}};
  write(o);
  EXPECT_EQ(level("theirs"), "audited");
  EXPECT_EQ(level("mine"), "run here");
  const std::string index = page("index.html");
  EXPECT_NE(index.find("audited: 1 of 1 run recounted<"), std::string::npos);
  EXPECT_NE(index.find("audited: 0 of 1 run recounted (a count differs)"), std::string::npos);
  o.recounted->at(sample_spec(0, "theirs").key()) = "a count differs";
  write(o);
  EXPECT_EQ(level("theirs"), "submitted") << "an audit that fails confirms nothing";
}

TEST_F(Leaderboard, ChangesSayWhatCameAndWent) {
  {
    Store store = writer();
    finish(store, sample_spec(0, "first"), 2);
  }
  write(options(folder_ / "site"));
  EXPECT_NE(page("changes.html").find("the page is made for the first time, with 1 row"), std::string::npos);
  const std::string before = page("changes.json");
  write(options(folder_ / "site"));
  EXPECT_EQ(page("changes.json"), before) << "nothing changed, nothing is said";
  {
    Store store = writer();
    finish(store, sample_spec(1, "first"), 5);
    finish(store, sample_spec(0, "second"), 3);
  }
  write(options(folder_ / "site"));
  const std::string after = page("changes.html");
  EXPECT_NE(after.find("came: second on "), std::string::npos) << after;
  EXPECT_NE(after.find("1 run → 2 runs"), std::string::npos) << after;
  EXPECT_NE(after.find("for the first time"), std::string::npos) << "the list goes on";
  LeaderboardOptions one = options(folder_ / "site");
  base::write_file_atomic(folder_ / "site" / "changes.json", "{\"format\":\"clbench-leaderboard-changes\",\"version\":1,\"rows\":7}");
  write(one);
  EXPECT_NE(page("changes.html").find("for the first time"), std::string::npos) << "a damaged list is as none";
}

TEST_F(Leaderboard, RowsSideBySideCountTheSameSamples) {
  {
    Store store = writer();
    for (const char* method : {"one", "two"}) finish(store, sample_spec(0, method), 2);
  }
  write(options(folder_ / "site"));
  const auto scripts = fs::directory_iterator(folder_ / "site" / "compare");
  const std::string script = base::read_file(scripts->path());
  const std::string json = script.substr(script.find(", {") + 2, script.rfind(");") - script.find(", {") - 2);
  const base::Json data = base::parse_json(json, "compare");
  ASSERT_EQ(data.at("rows").size(), 2u);
  EXPECT_EQ(data.at("rows").at(0).at("runs").at(0).at("tasks").size(), 3u);
}

TEST_F(Leaderboard, AnEmptyDatabaseAndTheIndexAlone) {
  writer();
  LeaderboardOptions o = options(folder_ / "site");
  EXPECT_EQ(write(o), 3u) << "index, changes, compare";
  EXPECT_NE(page("index.html").find("no runs in this database yet"), std::string::npos);
  {
    Store store = writer();
    finish(store, sample_spec(0), 2);
  }
  o.all_pages = false;
  EXPECT_EQ(write(o), 2u) << "index and changes";
  o.out = file();  // a file
  sentence([&] { write(o); });
}

}  // namespace
}  // namespace clb::results_test
