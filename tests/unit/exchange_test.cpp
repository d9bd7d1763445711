// Export, import, and imported rows in tables.
#include <clb/exchange/import.hpp>
#include <clb/report/export.hpp>
#include <clb/report/table.hpp>

#include <fstream>

#include "results_fixture.hpp"

namespace clb::results_test {
namespace {

using base::Json;
using store::Store;

Json good_import() {
  return {{"format", "clbench-import"},
          {"version", 1},
          {"source", {{"citation", "Doe et al., Prompts, 2024, Table 2"}, {"url", "https://example.org/prompts"}}},
          {"rows",
           {{{"method", "l2p"},
             {"setting", "pool 20"},
             {"dataset", "CIFAR-100"},
             {"protocol", "B0-Inc10"},
             {"weights", "ViT-B/16"},
             {"metrics",
              {{"acc.last.sample", {{"version", 1}, {"values", {0.84, 0.85, 0.83}}}},
               {"acc.mean.sample", {{"version", 1}, {"mean", 0.88}, {"runs", 5}}}}}}}}};
}

std::vector<store::ImportedRow> imported(const Json& json) { return exchange::read_import(json.dump(), "their.json"); }

class Exchange : public ResultsTest {
 protected:
  int64_t finish(int64_t seed) {
    Store store = writer();
    const int64_t attempt = store.begin_attempt(sample_spec(seed), sample_start());
    for (int64_t task = 0; task < 3; ++task)
      store.add_task(attempt, sample_task(task, std::vector<int64_t>(static_cast<size_t>(task) + 1, 20),
                                          std::vector<int64_t>(static_cast<size_t>(task) + 1, 10 + seed)));
    store.add_status(attempt, {"ok", "", "", ""});
    return attempt;
  }
  std::string table(report::Format format = report::Format::kText) {
    report::TableOptions options;
    options.format = format;
    return report::render_table(reader(), options);
  }
};

TEST_F(Exchange, import_keeps_what_the_file_says) {
  const std::vector<store::ImportedRow> rows = imported(good_import());
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].method, "l2p");
  ASSERT_EQ(rows[0].metrics.size(), 2u);
  EXPECT_EQ(rows[0].metrics[0].n, 3);
  EXPECT_DOUBLE_EQ(rows[0].metrics[0].mean, 0.84);
  EXPECT_EQ(rows[0].metrics[1].n, 5);
  {
    Store store = writer();
    EXPECT_EQ(store.add_imported(rows), 1u);
    EXPECT_EQ(store.add_imported(rows), 0u) << "twice is once";
  }
  EXPECT_EQ(reader().imported(), rows);
  EXPECT_TRUE(reader().runs().empty()) << "an imported row is no run";
}

TEST_F(Exchange, whatever_is_wrong_is_one_sentence_with_its_place) {
  struct Case {
    const char* pointer;
    Json value;  // discarded: the member goes
    const char* says;
  };
  const Json gone(Json::value_t::discarded);
  const std::vector<Case> cases{
      {"/format", "clbench-export", "format must be \"clbench-import\""},
      {"/version", 2, "version must be a whole number from 1 to 1"},
      {"/version", 1.5, "version must be a whole number"},
      {"/sources", 1, "sources is not known, did you mean source?"},
      {"/source/citation", "", "source.citation must not be empty"},
      {"/source/citation", gone, "source.citation is missing"},
      {"/source", "a paper", "source must be an object"},
      {"/rows", Json::array(), "rows must be a list of 1 to"},
      {"/rows/0", 3, "rows[0] must be an object"},
      {"/rows/0/method", 3, "rows[0].method must be a text"},
      {"/rows/0/method", std::string(5000, 'x'), "rows[0].method has more than 4096 bytes"},
      {"/rows/0/method", "a\nb", "rows[0].method holds a control character"},
      {"/rows/0/accuracy", 0.5, "rows[0].accuracy is not known"},
      {"/rows/0/comparability_key", "12ab", "rows[0].comparability_key must be 64 hexadecimal digits"},
      {"/rows/0/metrics", Json::object(), "rows[0].metrics must hold at least one metric"},
      {"/rows/0/metrics/acc.last", {{"version", 1}, {"mean", 0.5}, {"runs", 1}}, "rows[0].metrics.acc.last is not known"},
      {"/rows/0/metrics/acc.last.sample/values/1", 83.0, "acc.last.sample.values[1] must be a fraction from 0 to 1 (83.7 % is 0.837)"},
      {"/rows/0/metrics/acc.last.sample/values/1", -0.1, "values[1] must be a fraction"},
      {"/rows/0/metrics/acc.last.sample/values/1", nullptr, "values[1] must be a number"},
      {"/rows/0/metrics/acc.last.sample/values", "many", "values must be a list"},
      {"/rows/0/metrics/acc.last.sample/version", 9, "version is 9, this clbench computes version 1"},
      {"/rows/0/metrics/acc.last.sample/mean", 0.5, "values cannot stand beside mean"},
      {"/rows/0/metrics/acc.mean.sample/runs", 0, "runs must be a whole number from 1"},
      {"/rows/0/metrics/acc.mean.sample/runs", uint64_t{18446744073709551615u}, "runs must be a whole number"},
      {"/rows/0/metrics/acc.mean.sample/mean", 1e300, "mean must be a fraction"},
      {"/rows/0/metrics/acc.mean.sample/mean", gone, "acc.mean.sample.mean is missing"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.pointer);
    Json json = good_import();
    const Json::json_pointer at(c.pointer);
    if (c.value.is_discarded()) {
      json[at.parent_pointer()].erase(at.back());
    } else {
      json[at] = c.value;
    }
    const std::string said = sentence([&] { imported(json); });
    EXPECT_TRUE(said.starts_with("their.json: ")) << said;
    EXPECT_NE(said.find(c.says), std::string::npos) << said;
  }
  for (const char* text : {"", "{", "[1, 2", "{\"mean\": NaN}", "{\"mean\": 1e999}", "\xff\xfe"})
    EXPECT_TRUE(sentence([&] { exchange::read_import(text, "their.json"); }).starts_with("their.json")) << text;
}

TEST_F(Exchange, imported_rows_are_marked_and_cited_and_not_ranked) {
  for (int64_t seed = 0; seed < 3; ++seed) finish(seed);
  Json json = good_import();
  json["rows"].push_back(json["rows"][0]);
  json["rows"][1]["comparability_key"] = reader().light_runs().at(0).comparability_key;
  json["rows"][1]["metrics"]["acc.mean.sample"]["mean"] = 0.99;  // above everything measured
  writer().add_imported(imported(json));

  const Json tables = Json::parse(table(report::Format::kJson)).at("tables");
  ASSERT_EQ(tables.size(), 2u) << "without the identical key a table of its own";
  const Json& sections = tables[0].at("sections");
  ASSERT_EQ(sections.size(), 2u);
  EXPECT_EQ(sections[0].at("title"), "");
  EXPECT_EQ(sections[0].at("rows").size(), 1u) << "the ranked rows are the measured ones";
  EXPECT_EQ(sections[1].at("title"), "imported: measured elsewhere, not ranked");
  const Json& row = sections[1].at("rows").at(0);
  EXPECT_EQ(row.at("imported"), true);
  EXPECT_EQ(row.at("citation"), "Doe et al., Prompts, 2024, Table 2, https://example.org/prompts");
  EXPECT_EQ(row.at("cells").at("acc.last.sample").at("spread"), "t95");
  EXPECT_EQ(row.at("cells").at("acc.mean.sample").at("spread"), "none");
  EXPECT_EQ(tables[1].at("dataset"), "CIFAR-100");
  for (const report::Format format : {report::Format::kText, report::Format::kMarkdown, report::Format::kCsv}) {
    EXPECT_NE(table(format).find("imported"), std::string::npos);
    EXPECT_NE(table(format).find("Doe et al., Prompts, 2024, Table 2"), std::string::npos);
  }
  EXPECT_NE(table().find("99.00 (5)"), std::string::npos) << table();
}

TEST_F(Exchange, exported_tables_have_their_documented_columns) {
  const int64_t attempt = finish(0);
  writer().add_targets(attempt, {"test", std::vector<int64_t>(60, 1)});
  writer().add_imported(imported(good_import()));
  const Store store = reader();
  std::string text;
  report::export_json(store, report::export_tables(), [&](std::string_view piece) { text += piece; });
  const Json json = Json::parse(text);
  EXPECT_EQ(json.at("format"), "clbench-export");
  EXPECT_EQ(json.at("runs").at(0).at("run_key"), sample_spec(0).key());
  EXPECT_EQ(json.at("runs").at(0).at("weights").at("main"), fake_hash("deit"));
  EXPECT_EQ(json.at("evals").size(), 6u);
  EXPECT_EQ(json.at("evals").at(5).at("correct"), 10);
  EXPECT_EQ(json.at("evals").at(5).at("accuracy"), 10.0 / json.at("evals").at(5).at("n").get<double>());
  EXPECT_EQ(json.at("columns").at("evals"), report::export_columns("evals"));
  EXPECT_EQ(json.at("imported").size(), 2u);
  ASSERT_EQ(json.at("predictions").size(), 3u);  // a row for each task, of the samples that were evaluated
  const Json& after = json.at("predictions").at(1);
  EXPECT_EQ(after.at("after_task"), 1);
  EXPECT_EQ(after.at("samples").size(), 40u);
  EXPECT_EQ(after.at("samples").at(39), 39);
  EXPECT_EQ(after.at("predicted").at(39), (39 * 7 + 1) % 6);
  EXPECT_EQ(after.at("labels"), Json(std::vector<int64_t>(40, 1)));
  bool found = false;
  for (const Json& metric : json.at("metrics")) {
    if (metric.at("metric") != "acc.last.sample") continue;
    found = true;
    EXPECT_DOUBLE_EQ(metric.at("value").get<double>(), 0.5);
  }
  EXPECT_TRUE(found);
  for (const std::string& name : report::export_tables()) {
    std::string csv;
    report::export_csv(store, name, [&](std::string_view piece) { csv += piece; });
    std::string head;
    for (const std::string& column : report::export_columns(name)) head += (head.empty() ? "" : ",") + column;
    EXPECT_TRUE(csv.starts_with(head + "\r\n")) << csv;
    EXPECT_EQ(json.at(name).at(0).size(), report::export_columns(name).size());
    std::ifstream docs(fs::path(CLB_SOURCE_DIR) / "docs/exchange.md");
    const std::string page{std::istreambuf_iterator<char>(docs), {}};
    for (const std::string& column : report::export_columns(name)) EXPECT_NE(page.find("`" + column + "`"), std::string::npos) << column;
  }
}

}  // namespace
}  // namespace clb::results_test
