// The help texts against stored ones (tests/approval/help_*.txt), and what a mistyped command line says. A run of the test writes what it
// got to <build>/approval/, to be looked at and copied over the stored text when the change is meant.
#include "cli_fixture.hpp"

#include <chrono>
#include <fstream>

namespace clb::testing {
namespace {

std::string stored(const std::string& name, const std::string& got) {
  fs::create_directories(fs::path(CLB_BINARY_DIR) / "approval");
  std::ofstream(fs::path(CLB_BINARY_DIR) / "approval" / name, std::ios::binary) << got;
  std::ifstream in(fs::path(CLB_SOURCE_DIR) / "tests/approval" / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(Cli, HelpTexts) {
  for (const std::string verb :
       {"",      "run",    "demo",   "resume", "list",    "info", "status",  "tasks",    "evaluate", "table", "leaderboard", "reproduce",
        "audit", "export", "import", "merge",  "compare", "gate", "history", "validate", "cache",    "new",   "doctor",      "data"}) {
    const auto ended = verb.empty() ? clbench({"--help"}) : clbench({verb, "--help"});
    EXPECT_EQ(ended.exit_code, 0) << verb;
    EXPECT_EQ(ended.err, "") << verb;
    const std::string name = "help_" + (verb.empty() ? "clbench" : verb) + ".txt";
    EXPECT_EQ(ended.out, stored(name, ended.out)) << "differs from tests/approval/" << name;
    EXPECT_TRUE(contains(ended.out, "\nexample: clbench ")) << verb;
    EXPECT_TRUE(verb.empty() || contains(ended.out, "--json")) << verb;
  }
}

TEST_F(Cli, VersionNamesTheCommit) {
  const auto ended = clbench({"--version"});
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_TRUE(ended.out.starts_with("clbench 0.")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "(commit ")) << ended.out;
}

TEST_F(Cli, AMistypedCommandLineIsOneSentenceWithASuggestion) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"rnu"}, "clbench: there is no verb 'rnu'; did you mean 'run'?\n"},
      {{"frobnicate"}, "clbench: there is no verb 'frobnicate'; `clbench --help` lists the verbs\n"},
      {{"--jsn"}, "clbench: unknown option --jsn before the verb; `clbench --help` lists the verbs\n"},
      {{"run"}, "clbench: run: EXPERIMENT.toml|METHOD/PRESET is missing; usage: clbench run EXPERIMENT.toml|METHOD/PRESET [options]\n"},
      {{"status", "--jsno"}, "clbench: status: unknown option --jsno; did you mean --json?\n"},
      {{"status", "--js"}, "clbench: status: unknown option --js; `clbench status --help` lists them\n"},
      {{"status", "extra"}, "clbench: status: 'extra' is one word too many; usage: clbench status [options]\n"},
      {{"list", "recipes"}, "clbench: list: there is no list of 'recipes'; it lists methods, datasets or presets\n"},
      {{"run", "x.toml", "--jobs", "many"}, "clbench: run: --jobs takes a whole number of at least 1, not 'many'\n"},
      {{"run", "x.toml", "--shard", "3/2"}, "clbench: --shard takes K/N with K from 1 to N, for example 2/8, not '3/2'\n"},
      {{"run", "x.toml", "--max-time", "soon"}, "clbench: 'soon' is no duration; write for example 90s, 10m, 2h or 1d\n"},
      {{"run", "nothing"}, "clbench: nothing: there is no such file; give an experiment (FILE.toml) or METHOD/PRESET\n"},
      {{"run", "fake/breif"}, "clbench: method fake has no preset \"breif\"; did you mean \"brief\"?\n"},
      {{"info", "digitz"}, "clbench: no method, dataset, preset or experiment is called 'digitz'; did you mean 'digits'?\n"},
      {{"table", "--format", "html", "--db", "x"}, "clbench: table: there is no format 'html'; it is text, markdown, latex, csv or json\n"},
      {{"compare", "a"}, "clbench: compare: A B is missing; usage: clbench compare A B [options]\n"},
      {{"gate", "--head", "x.sqlite"}, "clbench: gate: --base FILE[@COMMIT] is missing; it names the runs to compare with\n"},
      {{"gate", "--base", "x.sqlite"}, "clbench: gate: --head FILE[@COMMIT] is missing; it names the runs to judge\n"},
      {{"gate", "--base", "a.db", "--head", "b.db", "--floor", "0"},
       "clbench: gate: --floor takes a number above 0 and up to 100, not '0'\n"},
      {{"gate", "--base", "a.db", "--plan", "--format", "junit"}, "clbench: gate: --plan prints text or json, not junit\n"},
      {{"gate", "--base", "a.db", "--head", "b.db", "--format", "xml"},
       "clbench: gate: there is no format 'xml'; it is text, json, markdown or junit\n"},
      {{"history", "l2p", "--annotate", "abc"},
       "clbench: history: --annotate COMMIT needs a text: clbench history SERIES --annotate COMMIT TEXT\n"},
      {{"cache", "prune"}, "clbench: cache prune: say what may go: --older-than DAYS or --all\n"},
      {{"new", "metod", "mine"}, "clbench: new: there is no template of a 'metod'; it is method or dataset\n"},
      {{"new", "method"}, "clbench: new: method|dataset NAME is missing; usage: clbench new method|dataset NAME [options]\n"},
      {{"list", "--plugin-path", "/no/folder"}, "clbench: --plugin-path /no/folder: there is no such folder\n"},
  };
  for (const auto& [words, sentence] : cases) {
    const auto ended = clbench(words);
    EXPECT_EQ(ended.err, sentence);
    EXPECT_EQ(ended.exit_code, 2) << sentence;
    EXPECT_EQ(ended.out, "") << sentence;
  }
}

TEST_F(Cli, AnExperimentsMistakeNamesItsPlaceAndLeavesNoDatabase) {
  const std::string file = folder_.write("bad.toml", "name = \"bad\"\n[datset]\nid = \"digits\"\n").string();
  const auto ended = run(file);
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_TRUE(contains(ended.err, "bad.toml:2:")) << ended.err;
  EXPECT_TRUE(contains(ended.err, "dataset")) << ended.err;
  EXPECT_FALSE(fs::exists(database()));
}

}  // namespace
}  // namespace clb::testing
