// One table of two weight files: sections, and ranks, marks and claims within those on the same weights.
#include <algorithm>
#include <clb/report/export.hpp>
#include <clb/report/leaderboard.hpp>
#include <clb/report/table.hpp>
#include <clb/store/table_key.hpp>
#include <set>

#include "report_fixture.hpp"

namespace clb::results_test {
namespace {

using base::Json;
using report::Format;

class ReportSections : public ReportTest {
 protected:
  static base::RunSpec on_clip(base::RunSpec spec) {
    spec.weights = {{"main", "/data/clip.safetensors", fake_hash("clip"), {}, true, 12}};
    spec.protocol.eval_transform.name = "clip-224";
    spec.protocol.eval_transform.mean = {0.48, 0.46, 0.41};
    return spec;
  }

  // simplecil and l2p on both networks: the order of the two is another on each; an upper bound on one.
  void fill() {
    Store store = writer();
    for (int64_t seed = 0; seed < 3; ++seed) {
      finish(store, sample_spec(seed), 1 + seed);
      finish(store, l2p(seed, 5), 3 + seed);
      finish(store, on_clip(sample_spec(seed)), 3 + seed);
      finish(store, on_clip(l2p(seed, 5)), seed % 2);
    }
    base::RunSpec joint = on_clip(sample_spec(0, "finetune"));
    joint.protocol.joint = true;
    const int64_t attempt = store.begin_attempt(joint, sample_start());
    store.add_task(attempt, sample_task(0, {10, 20, 30}, {9, 18, 27}));
    store.add_second_look(attempt, {.outcome = "same", .reason = {}, .samples = 60, .seconds = 1, .confined = true});
    store.add_status(attempt, {"ok", "", "", ""});
  }

  report::TableOptions options(Format format) {
    report::TableOptions options;
    options.format = format;
    options.weight_names = {{fake_hash("clip"), "clip-openai-b16"}};
    options.overlap = [](const std::string& weights, const std::string&) {
      return weights == fake_hash("deit") ? "many classes are labels of ImageNet-1k" : "";
    };
    return options;
  }
  std::string render(Format format) { return render_table(reader(), options(format)); }
};

TEST_F(ReportSections, TextsOfAllFormats) {
  fill();
  approve("table_sections.text.txt", render(Format::kText));
  approve("table_sections.markdown.txt", render(Format::kMarkdown));
  approve("table_sections.latex.txt", render(Format::kLatex));
}

TEST_F(ReportSections, RanksAndMarksHoldWithinASection) {
  fill();
  const Json json = base::parse_json(render(Format::kJson), "table");
  ASSERT_EQ(json.at("tables").size(), 1u);
  const Json& table = json.at("tables")[0];
  const Json& sections = table.at("sections");
  ASSERT_EQ(sections.size(), 3u);
  EXPECT_EQ(sections[0].at("weights"),
            "weights main = deit_tiny.safetensors (sha256 " + fake_hash("deit").substr(0, 12) + "), eval transform deit-224");
  EXPECT_EQ(sections[1].at("weights"),
            "weights main = clip-openai-b16 (sha256 " + fake_hash("clip").substr(0, 12) + "), eval transform clip-224");
  EXPECT_EQ(sections[2].at("weights"), sections[1].at("weights"));
  EXPECT_EQ(sections[2].at("title"), "upper bounds (joint training)");
  for (const size_t s : {size_t{0}, size_t{1}}) {
    EXPECT_EQ(sections[s].at("title"), "");
    EXPECT_EQ(sections[s].at("rows").size(), 2u);
    EXPECT_EQ(sections[s].at("rows")[0].at("against_best").at("verdict"), "best") << "the best of each section, not of the table";
  }
  EXPECT_EQ(sections[0].at("rows")[0].at("method"), "l2p");
  EXPECT_EQ(sections[1].at("rows")[0].at("method"), "simplecil");
  EXPECT_NE(sections[0].at("section_key"), sections[1].at("section_key"));
  EXPECT_NE(table.at("comparability_key"), sections[0].at("section_key"));
}

TEST_F(ReportSections, EveryRowOfTheCsvNamesItsWeights) {
  fill();
  const std::string csv = render(Format::kCsv);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 6);
  const auto times = [&](const std::string& part) {
    size_t count = 0;
    for (size_t at = csv.find(part); at != csv.npos; at = csv.find(part, at + 1)) ++count;
    return count;
  };
  EXPECT_EQ(times("main = deit_tiny.safetensors"), 2u);
  EXPECT_EQ(times("main = clip-openai-b16"), 3u);
}

TEST_F(ReportSections, ExportTellsTableAndSection) {
  fill();
  std::set<std::string> tables, sections, stored;
  const auto columns = report::export_columns("runs");
  const auto at = [&](const char* name) { return static_cast<size_t>(std::ranges::find(columns, name) - columns.begin()); };
  ASSERT_LT(at("section_key"), columns.size());
  for (const store::RunRow& run : reader().light_runs()) {
    stored.insert(run.comparability_key);
    tables.insert(store::table_key(reader().spec(run.run_id), run.comparability_key));
  }
  EXPECT_EQ(stored.size(), 2u);
  EXPECT_EQ(tables.size(), 1u);
}

// A row imported under yesterday's key, which held the weights, still stands beside the runs with that key.
TEST_F(ReportSections, ImportedRowsStandOnTheirWeights) {
  fill();
  std::string of_clip;
  for (const store::RunRow& run : reader().light_runs())
    if (reader().spec(run.run_id).at("/weights/0/sha256"_json_pointer) == fake_hash("clip")) of_clip = run.comparability_key;
  {
    Store store = writer();
    store::ImportedRow row;
    row.citation = "Doe 2024";
    row.method = "proof";
    row.dataset = "CIFAR-100", row.protocol = "B0-Inc2", row.weights = "CLIP";
    row.metrics.push_back({"acc.last.sample", 1, 1, 0.5, {}});
    row.comparability_key = of_clip;
    store.add_imported({row});
    row.comparability_key =
        base::parse_json(render(Format::kJson), "table").at("/tables/0/comparability_key"_json_pointer).get<std::string>();
    row.method = "other";
    store.add_imported({row});
  }
  const Json json = base::parse_json(render(Format::kJson), "table");
  ASSERT_EQ(json.at("tables").size(), 1u);
  const Json& sections = json.at("tables")[0].at("sections");
  ASSERT_EQ(sections.size(), 5u);
  EXPECT_EQ(sections[3].at("rows")[0].at("method"), "proof (imported)");
  EXPECT_EQ(sections[3].at("weights"), sections[1].at("weights"));
  EXPECT_EQ(sections[4].at("rows")[0].at("method"), "other (imported)");
  EXPECT_EQ(sections[4].at("weights"), "CLIP (imported: in the words of the source)");
}

// A difference between rows of two sections is no effect of their weights alone when a parameter differs too.
TEST_F(ReportSections, ASettingThatDiffersBetweenSectionsIsShown) {
  {
    Store store = writer();
    finish(store, sample_spec(0), 1);
    base::RunSpec other = on_clip(sample_spec(0));
    other.method.params["scale"] = 2.0;
    finish(store, other, 2);
  }
  const std::string text = render(Format::kText);
  EXPECT_NE(text.find("scale=1"), std::string::npos) << text;
  EXPECT_NE(text.find("scale=2"), std::string::npos) << text;
}

TEST_F(ReportSections, AnotherGeometryIsAnotherTable) {
  Store store = writer();
  finish(store, sample_spec(), 1);
  base::RunSpec larger = sample_spec();
  larger.protocol.eval_transform.resize = 256;
  finish(store, larger, 1);
  EXPECT_EQ(base::parse_json(render(Format::kJson), "table").at("tables").size(), 2u);
}

TEST_F(ReportSections, ColumnsOfDataSetsKeepWeightsApart) {
  fill();
  report::TableOptions wide = options(Format::kJson);
  wide.columns = report::Columns::kDatasets;
  const Json json = base::parse_json(render_table(reader(), wide), "table");
  EXPECT_EQ(json.at("metrics").size(), 1u);
  EXPECT_EQ(json.at("/tables/0/sections"_json_pointer).size(), 3u);
}

}  // namespace
}  // namespace clb::results_test
