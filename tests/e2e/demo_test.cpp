// `clbench demo` on a small data set: the shipped experiment, its table, the sentence, the page, and commands that work when copied.
#include <regex>

#include "cli.hpp"

namespace {

using clb::testing::Ended;
using clb::testing::World;
namespace fs = std::filesystem;

const fs::path kExperiment = fs::path(CLB_BINARY_DIR) / "share/clbench/experiments/demo.toml";

TEST(EmbeddedNetwork, IsSmall) { EXPECT_LE(fs::file_size(kExperiment.parent_path() / "../weights/clb-micro.safetensors"), 6'000'000u); }

class Demo : public testing::Test {
 protected:
  Ended demo(std::vector<std::string> more) const {
    std::vector<std::string> words{"demo", "--db", world_.database().string(), "--out", (world_.path() / "page").string()};
    words.insert(words.end(), more.begin(), more.end());
    return world_.clbench(words);
  }

  // The part of a printed command between `clbench` and its comment, in words.
  static std::vector<std::string> words_of(const std::string& command) {
    std::vector<std::string> words;
    static const std::regex word("'([^']*)'|\\S+");
    for (std::sregex_iterator it(command.begin(), command.end(), word), end; it != end; ++it) {
      if (it->str() == "#") break;
      words.push_back((*it)[1].matched ? it->str(1) : it->str());
    }
    return words;
  }

  World world_;
};

TEST_F(Demo, PrintShowsTheFileAndStartsNothing) {
  const Ended ended = demo({"--print"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, clb::base::read_file(kExperiment));
  EXPECT_FALSE(fs::exists(world_.database()));
}

TEST_F(Demo, EndsWithTableSentencePageAndCommands) {
  const Ended ended = demo({"--set", "dataset.root=\"" + world_.data().string() + "\"", "--set", "dataset.train_per_class=4", "--set",
                            "dataset.test_per_class=2"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  for (const std::string row : {"finetune", "l2p", "ranpac", "simplecil", "slca", "-- upper bounds"})
    EXPECT_NE(ended.out.find("\n" + row), std::string::npos) << row << "\n" << ended.out;
  const std::regex sentence(
      R"(\w+ ends with [0-9.]+ % after the last task, having forgotten -?[0-9.]+ %; .*; trained on all tasks at once finetune )"
      R"(reaches [0-9.]+ %\.)");
  EXPECT_TRUE(std::regex_search(ended.out, sentence)) << ended.out;
  EXPECT_NE(ended.out.find(world_.database().string()), std::string::npos);
  EXPECT_NE(ended.out.find((world_.path() / "page/index.html").string()), std::string::npos);
  EXPECT_GT(fs::file_size(world_.path() / "page/index.html"), 1000u);

  int commands = 0;
  std::istringstream lines(ended.out);
  for (std::string line; std::getline(lines, line);) {
    const size_t program = line.find("bin/clbench ");
    if (program == std::string::npos) continue;
    std::vector<std::string> words = words_of(line.substr(program + std::string("bin/clbench ").size()));
    if (words[0] == "run") words.emplace_back("--dry-run");
    const Ended next = world_.clbench(words);
    EXPECT_EQ(next.code, 0) << line << "\n" << next.err;
    ++commands;
  }
  EXPECT_EQ(commands, 3);
}

TEST_F(Demo, AMissingFolderIsNamedWithTheOptionThatGivesAnother) {
  const Ended ended = demo({"--set", "dataset.root=\"" + (world_.path() / "nothing").string() + "\""});
  EXPECT_EQ(ended.code, 2);
  EXPECT_NE(ended.err.find("nothing"), std::string::npos) << ended.err;
  EXPECT_NE(ended.err.find("--set dataset.root=DIR"), std::string::npos) << ended.err;
}

}  // namespace
