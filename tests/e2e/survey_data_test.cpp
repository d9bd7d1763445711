// The survey's table on a machine that has none of its data: what each column lacks is named, and `clbench data` says how to get it.
// Columns, presets and names are read from the files that ship.
#include <clb/base/json.hpp>
#include <clb/base/toml/node.hpp>
#include <regex>
#include <set>

#include "e2e/cli.hpp"
#include "e2e/shipped.hpp"

namespace {

using clb::base::Json;
using clb::base::toml::Node;
using clb::testing::Ended;
namespace fs = std::filesystem;

class SurveyData : public ::testing::Test {
 protected:
  // An installation of which nobody knows, so that what lies beside this tree is not found by it.
  void SetUp() override {
    const fs::path built = CLB_BINARY_DIR;
    fs::create_directories(prefix() / "share");
    fs::create_directories(prefix() / "bin");
    fs::copy(fs::canonical(built / "share/clbench"), prefix() / "share/clbench", fs::copy_options::recursive);
    for (const char* program : {"clbench", "clb-runner"}) fs::copy_file(built / "bin" / program, prefix() / "bin" / program);
    fs::create_directory_symlink(built / "lib", prefix() / "lib");
  }
  fs::path prefix() const { return folder_.path() / "prefix"; }

  Ended clbench(std::vector<std::string> words) const {
    words.insert(words.begin(), (prefix() / "bin/clbench").string());
    return clb::testing::run_program(folder_.path(), words,
                                     {"CLB_CACHE=" + clb::testing::shipped_cache().string(),
                                      "CLB_DATA=", "CLB_WEIGHTS_PATH=", "XDG_DATA_HOME=" + (folder_.path() / "empty").string()});
  }

  // Files of the table: all of that name, and those that an index among them names are among them.
  std::vector<fs::path> columns() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(prefix() / "share/clbench/experiments"))
      if (entry.path().stem().string().starts_with("survey_table1")) files.push_back(entry.path());
    return files;
  }

  static std::string text_at(const Node& node, const char* key) {
    const Node* value = node.table() ? node.table()->find(key) : nullptr;
    const auto* text = value ? std::get_if<std::string>(&value->value) : nullptr;
    return text ? *text : "";
  }

  static std::set<std::string> missing_data(const std::string& said) {
    std::set<std::string> names;
    const std::regex line("missing: ([^:. ]+): ");
    for (std::sregex_iterator found(said.begin(), said.end(), line), end; found != end; ++found) names.insert((*found)[1]);
    return names;
  }

  void expect_offered(const std::string& name, const std::string& said) const {
    SCOPED_TRACE(name);
    EXPECT_TRUE(std::regex_search(said, std::regex("missing: " + name + ": [^\n]*`clbench data (get|info) " + name +
                                                   "`|"
                                                   "missing: " +
                                                   name + ": [^\n]*--set dataset.root=DIR \\(.+\\)")))
        << said;
    const Ended info = clbench({"data", "info", name, "--json"});
    ASSERT_EQ(info.code, 0) << info.err;
    const Json told = Json::parse(info.out);
    EXPECT_EQ(told["state"], "absent");
    EXPECT_FALSE(told["by_hand"].get<std::string>().empty());
    const Ended get = clbench({"data", "get", name});
    EXPECT_NE(get.code, 0);
    EXPECT_TRUE(std::regex_search(get.err, std::regex("by hand: |cannot be fetched: .+|has to be accepted first"))) << get.err;
  }

  const clb::testing::TempFolder folder_;
};

TEST_F(SurveyData, EachColumnNamesWhatItLacksAndItIsOffered) {
  std::set<std::string> offered;
  size_t with_data = 0;
  for (const fs::path& file : columns()) {
    SCOPED_TRACE(file.string());
    const Node experiment = clb::base::toml::parse_toml(clb::base::read_file(file), file.string());
    const Node* dataset = experiment.table()->find("dataset");
    const Ended planned = clbench({"run", file.string(), "--dry-run"});
    ASSERT_EQ(planned.code, 0) << planned.err;
    const std::set<std::string> missing = missing_data(planned.err);
    EXPECT_FALSE(missing.empty()) << planned.err;
    if (dataset) {
      const std::string name = dataset->table() ? text_at(*dataset, "name") : text_at(experiment, "dataset");
      EXPECT_TRUE(missing.contains(name)) << name << " is not named in\n" << planned.err;
      ++with_data;
    }
    for (const std::string& name : missing)
      if (offered.insert(name).second) expect_offered(name, planned.err);
  }
  EXPECT_GT(with_data, 1u);
}

TEST_F(SurveyData, SoDoTheirPresets) {
  std::set<std::string> presets, offered;
  for (const fs::path& file : columns()) {
    const Node experiment = clb::base::toml::parse_toml(clb::base::read_file(file), file.string());
    const Node* methods = experiment.table()->find("method");
    if (!methods) continue;  // an index
    for (const Node& method : *methods->list()) presets.insert(text_at(method, "id") + "/" + text_at(method, "preset"));
  }
  for (const std::string& preset : presets) {
    SCOPED_TRACE(preset);
    const Ended planned = clbench({"run", preset, "--dry-run"});
    EXPECT_EQ(planned.code, 0) << planned.err;
    for (const std::string& name : missing_data(planned.err))
      if (offered.insert(name).second) expect_offered(name, planned.err);
  }
  EXPECT_FALSE(offered.empty());
}

}  // namespace
