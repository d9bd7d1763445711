// The keys of everything that ships, planned as on a machine without data: tests/approval/keys.txt. A key that changes takes rows away from
// who has measured them. What grows, a method by a parameter or the spec by a member, changes none of them where it is neutral.
#include <SQLiteCpp/SQLiteCpp.h>

#include <clb/base/sha256.hpp>
#include <clb/compare/series.hpp>
#include <clb/launch/describe.hpp>
#include <clb/launch/plugins.hpp>
#include <clb/plan/plan.hpp>
#include <fstream>
#include <set>

#include "content.hpp"
#include "e2e/cli.hpp"
#include "e2e/shipped.hpp"
#include "schema.hpp"

namespace {

using namespace clb;
namespace fs = std::filesystem;

const fs::path kBuilt = CLB_BINARY_DIR;

// What ships, but for the folders that data sets and experiments name: data that are there, and that this catalogue does not open, would
// be damaged data.
fs::path share_without_roots() {
  static const clb::testing::TempFolder folder;
  static const bool filled = [] {
    for (const auto& entry : fs::directory_iterator(kBuilt / "share/clbench")) {
      const fs::path to = folder.path() / entry.path().filename();
      if (to.filename() != "datasets" && to.filename() != "experiments") {
        fs::create_directory_symlink(entry.path(), to);
        continue;
      }
      fs::create_directory(to);
      for (const auto& file : fs::directory_iterator(entry)) {
        std::ifstream in(file.path());
        std::ofstream out(to / file.path().filename());
        for (std::string line; std::getline(in, line);)
          if (!line.starts_with("root =")) out << line << '\n';
      }
    }
    return true;
  }();
  return filled ? folder.path() : fs::path();
}

// The plugins of this build; no data set is there but the one that reads no files.
class ShippedCatalogue final : public plan::Catalogue {
 public:
  std::vector<std::string> method_ids() const override { return ids("method"); }
  std::vector<std::string> dataset_ids() const override { return ids("dataset"); }
  base::MethodInfo method(const std::string& id) override {
    auto [known, fresh] = methods_.try_emplace(id);
    if (fresh) known->second = describer_.method(launch::plugin(plugins_, "method", id).file);
    base::MethodInfo info = known->second;
    info.params.insert(info.params.end(), more.begin(), more.end());
    return info;
  }
  base::DatasetInfo dataset(const std::string& id, const std::string& root) override { return dataset_with(id, root, {}); }
  std::vector<base::ParamInfo> dataset_params(const std::string& id) override {
    return describer_.dataset(launch::plugin(plugins_, "dataset", id).file).params;
  }
  base::DatasetInfo dataset_with(const std::string& id, const std::string& root, const base::Json& params) override {
    if (id != "formula") throw base::Error("no data on this machine");
    return describer_.opened_dataset(launch::plugin(plugins_, "dataset", id).file, root, params.is_null() ? base::Json::object() : params);
  }
  std::string file_sha256(const std::string& file) override { return describer_.file_sha256(file); }

  std::vector<base::ParamInfo> more;  // that every method has got since

 private:
  std::vector<std::string> ids(const std::string& kind) const {
    std::vector<std::string> found;
    for (const launch::PluginFile& plugin : plugins_)
      if (plugin.meta.kind == kind) found.push_back(plugin.meta.id);
    return found;
  }

  std::vector<launch::PluginFile> plugins_ = launch::find_plugins({kBuilt / "lib/clbench/methods", kBuilt / "lib/clbench/datasets"});
  launch::Describer describer_{{kBuilt / "bin/clb-runner", kBuilt / "lib/libtorch"}, clb::testing::shipped_cache()};
  std::map<std::string, base::MethodInfo> methods_;
};

struct Shipped {
  std::string name;  // of the experiment, or method/preset
  base::RunSpec spec;
};

std::vector<fs::path> sorted_files(const fs::path& folder) {
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.insert(entry.path());
  return {files.begin(), files.end()};
}

std::vector<Shipped> everything(plan::Catalogue& catalogue) {
  std::vector<Shipped> all;
  const auto add = [&](const std::string& name, const plan::PlanOptions& options) {
    for (base::RunSpec& run : plan::make_plan(options, catalogue).runs) all.push_back({name, std::move(run)});
  };
  const fs::path share = share_without_roots();
  const plan::PlanOptions options{.experiment = {}, .overrides = {}, .share = share, .cores = 1, .missing_ok = true};
  for (const fs::path& file : sorted_files(share / "experiments")) {
    plan::PlanOptions of_file = options;
    of_file.experiment = file;
    add(file.stem().string(), of_file);
  }
  for (const fs::path& method : sorted_files(share / "presets"))
    for (const fs::path& file : sorted_files(method)) {
      const std::string name = method.filename().string() + "/" + file.stem().string();
      add(name, plan::preset_options(name, options));
    }
  return all;
}

// A line per run: what it is, the beginnings of its key, of its comparability key and of the key of its series on some machine.
std::string key_list(const std::vector<Shipped>& all) {
  SQLite::Database db(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  for (const std::string& step : store::migrations()) db.exec(step);
  SQLite::Transaction never_committed(db);
  std::string text, group;
  for (const Shipped& one : all) {
    const base::RunSpec& spec = one.spec;
    SQLite::Statement row(db,
                          "SELECT run.key, comparability_key, config.key FROM run JOIN config ON config.id = config_id WHERE run.id = ?");
    row.bind(1, store::run_id(db, spec));
    row.executeStep();
    compare::Series series;
    series.comparability_key = row.getColumn(1).getString();
    series.config_key = row.getColumn(2).getString();
    series.joint = spec.protocol.joint;
    series.precision = spec.precision;
    series.machine_class = "a machine";
    const std::string preset = spec.method.preset.empty() ? "" : "/" + spec.method.preset;
    const std::string title = one.name + ": " + spec.method.id + preset + " on " + spec.dataset.id + " " + spec.protocol.split + " table " +
                              series.comparability_key.substr(0, 16) + " series " + series.key().substr(0, 16);
    if (title != group) text += (group = title) + "\n";
    text += "  seed " + std::to_string(spec.seed) + " order " + std::to_string(spec.protocol.order_seed) + " " +
            row.getColumn(0).getString().substr(0, 16) + "\n";
  }
  return text;
}

const std::vector<Shipped>& shipped() {
  static ShippedCatalogue catalogue;
  static const std::vector<Shipped> all = everything(catalogue);
  return all;
}

TEST(Keys, OfEverythingThatShipsAreWhatTheyWere) {
  const std::string got = key_list(shipped());
  const fs::path got_file = kBuilt / "approval/keys.txt", wanted = fs::path(CLB_SOURCE_DIR) / "tests/approval/keys.txt";
  fs::create_directories(got_file.parent_path());
  base::write_file_atomic(got_file, got);
  EXPECT_TRUE(fs::exists(wanted) && base::read_file(wanted) == got)
      << "differs from tests/approval/keys.txt; this run's text is " << got_file;
}

TEST(Keys, AParameterThatEveryMethodGetsChangesNone) {
  ShippedCatalogue catalogue;
  base::ParamInfo number, choice;
  number.name = "gradient_noise";  // which no method has
  number.type = "float";
  number.default_value = number.neutral = 0.0;
  choice.name = "sampler";
  choice.type = "choice";
  choice.choices = {"off", "on"};
  choice.default_value = choice.neutral = "off";
  catalogue.more = {number, choice};
  EXPECT_EQ(key_list(everything(catalogue)), key_list(shipped()));
  catalogue.more[0].default_value = 0.1;  // another default: every run is a new one
  EXPECT_NE(key_list(everything(catalogue)), key_list(shipped()));
}

// A program built from sources that got a member of the protocol as HACKING.md says.
TEST(Keys, AMemberThatTheProtocolGetsChangesNone) {
  const clb::testing::TempFolder folder;
  std::string specs;
  for (const Shipped& one : shipped()) specs += base::canonical(one.spec.to_json()) + "\n";
  const std::string file = folder.write("specs", specs).string();
  std::string expected;
  for (const Shipped& one : shipped())
    expected += one.spec.key() + " " + base::hex(base::sha256(base::canonical(one.spec.comparability_json()))) + "\n";
  const clb::testing::Ended neutral = clb::testing::run_program(folder.path(), {CLB_SPEC_WITH_NEW_MEMBER, file, "false"});
  EXPECT_EQ(neutral.code, 0) << neutral.err;
  EXPECT_TRUE(neutral.out == expected);
  const clb::testing::Ended used = clb::testing::run_program(folder.path(), {CLB_SPEC_WITH_NEW_MEMBER, file, "true"});
  EXPECT_EQ(used.code, 0) << used.err;
  size_t lines = 0;
  for (size_t at = 0; at < used.out.size(); at = used.out.find('\n', at) + 1, ++lines)
    for (const size_t column : {size_t{0}, size_t{65}})  // both keys
      ASSERT_NE(used.out.substr(at + column, 64), expected.substr(at + column, 64)) << "line " << lines;
  EXPECT_EQ(lines, shipped().size());
}

}  // namespace
