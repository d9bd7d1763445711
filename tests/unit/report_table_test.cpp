// The table of a database that holds every kind of row, in all formats, against stored texts (tests/approval/table.*.txt). A run of the
// test writes what it got to <build>/approval/, to be looked at and copied over the stored text when the change is meant.
#include <algorithm>
#include <clb/report/table.hpp>
#include <cmath>
#include <fstream>
#include <set>

#include "report_fixture.hpp"

namespace clb::results_test {
namespace {

using report::Format;
using report::TableOptions;

class ReportTable : public ReportTest {
 protected:
  std::string render(TableOptions options) { return render_table(reader(), options); }
  std::string render(Format format) {
    TableOptions options;
    options.format = format;
    return render(options);
  }

  // Everything that differs from one filling to the next, made equal.
  static std::string settled(std::string text) {
    text = replace_shape(text, "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh", "<uuid>");
    text = replace_shape(text, "dddd-dd-ddTdd:dd:dd.dddZ", "<time>");
    return replace_shape(text, std::string(64, 'h'), "<sha256>");
  }

  // Replaces what looks like `shape`: h is a hexadecimal digit, d a decimal one. (GCC 12 warns in std::regex under the sanitizers.)
  static std::string replace_shape(const std::string& text, const std::string& shape, const std::string& name) {
    auto fits = [](char s, char c) {
      if (s == 'h') return std::string_view("0123456789abcdef").find(c) != std::string_view::npos;
      return s == 'd' ? c >= '0' && c <= '9' : s == c;
    };
    std::string result;
    for (size_t i = 0; i < text.size();) {
      const bool here =
          i + shape.size() <= text.size() && std::equal(shape.begin(), shape.end(), text.begin() + static_cast<std::ptrdiff_t>(i), fits);
      result += here ? name : std::string(1, text[i]);
      i += here ? shape.size() : 1;
    }
    return result;
  }
};

// A row whose runs do not name a parameter (it came later, or has its neutral value) beside one that does.
TEST_F(ReportTable, a_new_parameter_names_the_row_that_uses_it) {
  {
    Store store = writer();
    for (int64_t seed = 0; seed < 2; ++seed) finish(store, l2p(seed, 5), 3 + seed);
    base::RunSpec with = l2p(0, 5);
    with.method.params["smoothing"] = 0.1;
    finish(store, with, 5);
  }
  const std::string text = render(Format::kText);
  EXPECT_NE(text.find("smoothing=0.1"), std::string::npos) << text;
  EXPECT_EQ(text.find("config="), std::string::npos) << text;
}

TEST_F(ReportTable, text) {
  fill_everything();
  approve("table.text.txt", settled(render(Format::kText)));
}

TEST_F(ReportTable, markdown) {
  fill_everything();
  approve("table.markdown.txt", settled(render(Format::kMarkdown)));
}

TEST_F(ReportTable, latex) {
  fill_everything();
  approve("table.latex.txt", settled(render(Format::kLatex)));
}

TEST_F(ReportTable, csv) {
  fill_everything();
  approve("table.csv.txt", settled(render(Format::kCsv)));
}

TEST_F(ReportTable, json) {
  fill_everything();
  const std::string text = render(Format::kJson);
  EXPECT_NO_THROW(base::parse_json(text, "table"));
  approve("table.json.txt", settled(text));
}

// The numbers behind the texts, computed here once more: simplecil's last accuracies are (30 + 3 * skill - 3) / 60.
TEST_F(ReportTable, values_are_unrounded_means_with_interval) {
  fill_everything();
  const base::Json json = base::parse_json(render(Format::kJson), "table");
  const base::Json& row = json.at("/tables/0/sections/0/rows"_json_pointer);
  const auto simple = std::find_if(row.begin(), row.end(), [](const base::Json& r) { return r.at("method") == "simplecil"; });
  ASSERT_NE(simple, row.end());
  const base::Json& cell = simple->at("cells").at("acc.last.sample");
  EXPECT_DOUBLE_EQ(cell.at("mean").get<double>(), 33.0 / 60);
  EXPECT_EQ(cell.at("n"), 3);
  EXPECT_EQ(cell.at("spread"), "t95");
  EXPECT_NEAR(cell.at("high").get<double>(), 33.0 / 60 + 4.302652729749464 * 0.05 / std::sqrt(3.0), 1e-12);
  EXPECT_DOUBLE_EQ(simple->at("cold_seconds").at("mean").get<double>(), 104.5);
  EXPECT_EQ(simple->at("runs")[0].at("key"), sample_spec(0).key());
  EXPECT_EQ(simple->at("runs")[0].at("counts").size(), 6u);
}

TEST_F(ReportTable, rows_of_different_protocols_or_subsets_never_share_a_table_and_those_on_other_weights_no_section) {
  Store store = writer();
  finish(store, sample_spec(0), 1);
  base::RunSpec other = sample_spec(0);
  other.dataset.test_per_class = 0;
  finish(store, other, 1);
  other = sample_spec(0);
  other.protocol.eval_transform.resize = 112;
  finish(store, other, 1);
  other = sample_spec(0);
  other.weights[0].sha256 = fake_hash("other");
  finish(store, other, 1);
  other = sample_spec(0);
  other.protocol.evaluate_on = "validation";
  finish(store, other, 1);
  other = sample_spec(1);
  other.protocol.order_seed = 4;
  finish(store, other, 1);
  const base::Json json = base::parse_json(render(Format::kJson), "table");
  ASSERT_EQ(json.at("tables").size(), 4u);
  EXPECT_EQ(json.at("/tables/0/sections"_json_pointer).size(), 2u);
  EXPECT_EQ(json.at("/tables/0/sections/0/rows/0/runs"_json_pointer).size(), 2u) << "seeds and order seeds share a row";
}

TEST_F(ReportTable, rows_of_one_method_show_what_tells_them_apart) {
  Store store = writer();
  finish(store, l2p(0, 5), 1);
  base::RunSpec other = l2p(0, 5);
  other.precision = "bf16";
  finish(store, other, 1);
  other = l2p(0, 5);
  other.threads = 1;
  finish(store, other, 1);
  other = l2p(0, 5);
  other.method.train_transform.flip = 0.5;
  finish(store, other, 1);
  std::set<std::string> settings;
  const base::Json json = base::parse_json(render(Format::kJson), "table");
  for (const base::Json& row : json.at("/tables/0/sections/0/rows"_json_pointer)) settings.insert(row.at("setting").get<std::string>());
  EXPECT_EQ(settings.size(), 4u);
  EXPECT_TRUE(settings.contains("precision=bf16 threads=2"));
  EXPECT_TRUE(settings.contains("precision=fp32 threads=1"));
}

TEST_F(ReportTable, runs_of_two_plugin_builds_in_one_row_are_said) {
  Store store = writer();
  finish(store, sample_spec(0), 1);
  store::AttemptStart newer = sample_start();
  newer.plugin_hash = fake_hash("newer");
  finish(store, sample_spec(1), 1, {}, newer);
  EXPECT_NE(render(Format::kText).find("runs of 2 builds of the plugin"), std::string::npos);
}

TEST_F(ReportTable, only_the_asked_experiment_or_runs) {
  {
    Store store = writer();
    finish(store, sample_spec(0), 1);
    base::RunSpec other = l2p(0, 5);
    other.experiment = "large";
    finish(store, other, 1);
  }
  TableOptions options;
  options.experiment = "large";
  EXPECT_EQ(render(options).find("simplecil"), std::string::npos);
  EXPECT_NE(render(options).find("l2p"), std::string::npos);
  options.experiment = "huge";
  EXPECT_NE(sentence([&] { render(options); }).find("known: large, small"), std::string::npos);
  options = {};
  options.run_keys = {sample_spec(0).key().substr(0, 10)};
  EXPECT_EQ(render(options).find("l2p"), std::string::npos);
  options.run_keys = {"nothing"};
  sentence([&] { render(options); });
  options = {};
  options.metrics = {"accuracy"};
  sentence([&] { render(options); });
}

TEST_F(ReportTable, an_empty_database_says_so) {
  writer();
  EXPECT_NE(render(Format::kText).find("no runs in this database yet"), std::string::npos);
  EXPECT_NE(render(Format::kMarkdown).find("no runs in this database yet"), std::string::npos);
  EXPECT_EQ(base::parse_json(render(Format::kJson), "table").at("tables").size(), 0u);
  const std::string csv = render(Format::kCsv);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1);
}

TEST_F(ReportTable, control_characters_never_reach_the_terminal) {
  {
    Store store = writer();
    fail(store, sample_spec(0, "evil\033[2Jname"), "failed", "internal: \033]0;title\007 line\nbreak");
  }
  for (Format format : {Format::kText, Format::kMarkdown}) {
    const std::string text = render(format);
    EXPECT_EQ(text.find('\033'), std::string::npos);
    EXPECT_EQ(text.find('\007'), std::string::npos);
  }
}

TEST_F(ReportTable, wide_and_combining_characters_keep_the_columns) {
  {
    Store store = writer();
    finish(store, sample_spec(0, "方法"), 1);
    finish(store, sample_spec(0, "me\u0301thode"), 2);
  }
  const std::string text = render(Format::kText);
  EXPECT_NE(text.find("方法     "), std::string::npos) << text;  // 4 columns wide, padded to the 7 of the other and 2 between
}

TEST_F(ReportTable, few_updates_are_under_training) {
  {
    Store store = writer();
    for (const double updates : {125.0, 26.0}) {
      const int64_t attempt = finish(store, l2p(0, static_cast<int64_t>(updates) % 10), 1);
      for (int64_t task = 0; task < 3; ++task) store.add_metrics(attempt, {{"updates", task, task, task == 1 ? updates : 200.0}});
    }
  }
  const std::string table = render(Format::kText);
  EXPECT_NE(table.find("under-trained: a task of 26 updates, fewer than 100"), std::string::npos) << table;
  EXPECT_EQ(table.find("125 updates"), std::string::npos);
}

TEST_F(ReportTable, columns_may_be_tasks) {
  fill_everything();
  TableOptions options;
  options.columns = report::Columns::kTasks;
  options.format = Format::kJson;
  const base::Json json = base::parse_json(render(options), "table");
  const base::Json& rows = json.at("/tables/0/sections/0/rows"_json_pointer);
  ASSERT_EQ(json.at("metrics").size(), 3u);
  const auto simple = std::find_if(rows.begin(), rows.end(), [](const base::Json& r) { return r.at("method") == "simplecil"; });
  ASSERT_NE(simple, rows.end());
  // After task 1: (5 + skill) / 10 with skills 1, 2, 3; after the last the 33 / 60 of the other test.
  EXPECT_DOUBLE_EQ(simple->at("cells").at("after task 1").at("mean").get<double>(), 0.7);
  EXPECT_DOUBLE_EQ(simple->at("cells").at("after task 3").at("mean").get<double>(), 33.0 / 60);
  const base::Json& joint = json.at("/tables/0/sections/1/rows/0/cells"_json_pointer);
  EXPECT_EQ(joint.at("after task 1").at("reason"), "a joint run has one stage");
  EXPECT_DOUBLE_EQ(joint.at("after task 3").at("mean").get<double>(), 0.9) << "stands where the others end";
}

TEST_F(ReportTable, columns_may_be_data_sets_and_protocols) {
  {
    Store store = writer();
    for (int64_t seed = 0; seed < 2; ++seed) finish(store, sample_spec(seed), 1 + seed);
    finish(store, l2p(0, 5), 4);
    base::RunSpec other = sample_spec(0);
    other.dataset.id = "cub";
    other.dataset.fingerprint = fake_hash("cub");
    other.dataset.params = {{"split", "official"}};
    finish(store, other, 3);
  }
  TableOptions options;
  options.columns = report::Columns::kDatasets;
  options.metrics = {"acc.last.sample", "forget.max_prev"};
  options.format = Format::kJson;
  const base::Json json = base::parse_json(render(options), "table");
  ASSERT_EQ(json.at("tables").size(), 1u);
  const base::Json& rows = json.at("/tables/0/sections/0/rows"_json_pointer);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].at("method"), "l2p") << "sorted by the first column";
  EXPECT_EQ(rows[0].at("cells").at("cub/official B0-Inc2").at("reason"), "not run there");
  EXPECT_EQ(rows[1].at("cells").at("cifar100 B0-Inc2").at("n"), 2);
  EXPECT_DOUBLE_EQ(rows[1].at("cells").at("cub/official B0-Inc2").at("mean").get<double>(), 36.0 / 60);
  EXPECT_EQ(rows[1].at("runs").size(), 3u);
}

TEST_F(ReportTable, parameters_of_the_data_set_are_in_the_heading) {
  {
    Store store = writer();
    base::RunSpec spec = sample_spec(0);
    spec.dataset.params = {{"classes", 20}, {"split", "official"}};
    finish(store, spec, 1);
  }
  const std::string table = render(TableOptions{});
  EXPECT_NE(table.find("cifar100, classes 20, split official, first 50 training"), std::string::npos) << table;
}

}  // namespace
}  // namespace clb::results_test
