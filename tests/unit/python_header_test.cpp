// The header of a method in Python: what is read of it, and the sentence about each mistake.
#include <clb/meta.h>

#include <clb/base/error.hpp>
#include <clb/python/header.hpp>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace {

using namespace clb;
using clb::testing::contains;
using clb::testing::error_of;

constexpr const char* kLeast = "# id = \"mine\"\n# version = \"1.0\"\n# paper = \"none\"\n";

std::string block(const std::string& more) { return "# /// clbench\n" + std::string(kLeast) + more + "# ///\nimport torch\n"; }

python::Header header(const std::string& text) { return python::parse_header(text, "mine.py"); }

std::string refusal(const std::string& text) {
  return error_of<base::Error>([&] { header(text); });
}

TEST(PythonHeader, SaysWhatASharedLibrarySays) {
  const auto read = header(
      "#!/usr/bin/env python3\n" +
      block("# capabilities = [\"bitwise\", \"raw_replay\"]  # a remark\n#\n# roles = [\"main\", \"clip\"]\n# assets = [\"captions\"]\n"
            "# sources = [\"more.py\"]\n# state_version = 3\n# [[param]]\n# name = \"lr\"\n# type = \"float\"\n# default = 1\n"
            "# range = [0, 10]\n# help = \"learning rate\"\n# neutral = 0.5\n# [[param]]\n# name = \"kind\"\n# type = \"choice\"\n"
            "# choices = [\"a\", \"b\"]\n# default = \"b\"\n# help = \"which\"\n"
            "# implies = [{ when = \"a\", capabilities = [\"stochastic\"] }]\n# [validation]\n# lr = 2\n"
            "# [expected_failures]\n# batch_invariance = \"a reason\"\n"));
  EXPECT_EQ(read.meta.kind, "method");
  EXPECT_EQ(read.meta.id, "mine");
  EXPECT_EQ(read.meta.capabilities, CLB_CAP_BITWISE | CLB_CAP_RAW_REPLAY);
  EXPECT_EQ(read.info.roles, (std::vector<std::string>{"main", "clip"}));
  EXPECT_EQ(read.info.assets, std::vector<std::string>{"captions"});
  EXPECT_EQ(read.info.state_version, 3);
  ASSERT_EQ(read.info.params.size(), 2u);
  EXPECT_TRUE(read.info.params[0].default_value.is_number_float());
  EXPECT_EQ(read.info.params[0].neutral, 0.5);
  EXPECT_EQ(read.info.params[1].implications.at(0).second, CLB_CAP_STOCHASTIC);
  EXPECT_EQ(read.validation, (base::Json{{"lr", 2.0}}));
  EXPECT_EQ(read.expected_failures.at("batch_invariance"), "a reason");
  EXPECT_EQ(header(block("")).info.roles, std::vector<std::string>{"main"});
}

TEST(PythonHeader, ReadsFilesWithCarriageReturns) {
  std::string text = block("");
  for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) text.replace(at, 1, "\r\n");
  EXPECT_EQ(header(text).meta.id, "mine");
}

TEST(PythonHeader, EveryMistakeIsOneSentenceWithItsPlace) {
  const std::pair<std::string, const char*> cases[] = {
      {"import torch\n", "mine.py: has no header; "},
      {"\n# /// clbench\n# id = \"mine\"\n", "mine.py:2: the header has no end; put a line \"# ///\" behind it"},
      {"# /// clbench\nid = \"mine\"\n# ///\n", "mine.py:2: a line of the header does not begin with \"# \""},
      {block("") + block(""), "mine.py:7: a second header begins here, the first one in line 1"},
      {"# /// clbench\n# id = \"mine\"\n# ///\n", "mine.py:2:3: the header needs version, for example"},
      {"# /// clbench\n# ///\n", "mine.py: the header needs id, for example # id = \"my_method\""},
      {block("# paper = \"twice\"\n"), "mine.py:5:11: not valid TOML"},
      {block("# = 3\n"), "mine.py:5:"},
      {block("# papers = 3\n"), "mine.py:5:3: unknown key \"papers\" at the top level; did you mean \"paper\"?"},
      {block("# capabilities = [\"bitwize\"]\n"), "mine.py:5:19: there is no capability \"bitwize\"; did you mean \"bitwise\"?"},
      {block("# capabilities = \"bitwise\"\n"), "capabilities must be a list of texts"},
      {block("# roles = [\"Main\"]\n"), "\"Main\" is no name of a role"},
      {block("# [[param]]\n# name = \"lr\"\n"), "this [[param]] needs type"},
      {block("# [[param]]\n# name = \"Lr\"\n# type = \"int\"\n# default = 1\n# help = \"x\"\n"),
       "mine.py:6:10: a parameter's name must look like"},
      {block("# [[param]]\n# name = \"lr\"\n# type = \"real\"\n# default = 1\n# help = \"x\"\n"),
       "mine.py:7:10: type must be one of bool, int"},
      {block("# [[param]]\n# name = \"lr\"\n# type = \"int\"\n# default = 1.5\n# help = \"x\"\n"),
       "mine.py:8:13: default must be an integer"},
      {block("# [[param]]\n# name = \"lr\"\n# type = \"int\"\n# default = 7\n# range = [0, 6]\n# help = \"x\"\n"),
       "default must lie in [0, 6], found 7"},
      {block("# [[param]]\n# name = \"lr\"\n# type = \"int\"\n# default = 7\n# range = [9, 6]\n# help = \"x\"\n"), "range = [LEAST, MOST]"},
      {block("# [[param]]\n# name = \"lr\"\n# type = \"bool\"\n# default = true\n# range = [0, 6]\n# help = \"x\"\n"), "has no range"},
      {block("# [[param]]\n# name = \"lr\"\n# type = \"choice\"\n# default = \"a\"\n# help = \"x\"\n"), "this [[param]] needs choices"},
      {block("# [validation]\n# lr = 3\n"), "there is no parameter \"lr\""},
      {block("# state_version = 0\n"), "state_version must be an integer from 1"},
  };
  for (const auto& [text, part] : cases) {
    const std::string said = refusal(text);
    EXPECT_TRUE(contains(said, part)) << said << "\nwanted " << part << "\nin\n" << text;
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
  }
  const std::string param = "# [[param]]\n# name = \"lr\"\n# type = \"int\"\n# default = 1\n# help = \"x\"\n";
  EXPECT_TRUE(contains(refusal(block(param + param)), "mine.py:10:3: the parameter \"lr\" is declared twice"));
  EXPECT_TRUE(
      contains(refusal("# /// clbench\n# id = \"Mine\"\n# version = \"1\"\n# paper = \"x\"\n# ///\n"), "mine.py:2:8: id must look like"));
  EXPECT_TRUE(contains(refusal("# /// clbench\n# id = \"m\"\n# version = \"1\"\n# paper = \"" + std::string(300, 'x') + "\"\n# ///\n"),
                       "paper has 300 bytes, at most 191 fit"));
}

TEST(PythonHeader, ASourceThatIsNotThereIsNamed) {
  const clb::testing::TempFolder folder;
  const auto file = folder.write("mine.py", block("# sources = [\"more.py\"]\n"));
  EXPECT_TRUE(
      contains(error_of<base::Error>([&] { python::source_paths(python::read_header(file)); }), "more.py is no file; put it there"));
  const auto more = folder.write("more.py", "");
  EXPECT_EQ(python::source_paths(python::read_header(file)), std::vector<std::string>{std::filesystem::path(more).string()});
}

TEST(PythonHeader, OnlyAFileWithAHeaderIsAMethod) {
  const clb::testing::TempFolder folder;
  EXPECT_TRUE(python::has_header(folder.write("a.py", block(""))));
  EXPECT_TRUE(python::has_header(folder.write("b.py", "# /// clbench\nnot closed\n")));
  EXPECT_FALSE(python::has_header(folder.write("c.py", "# a module\n# /// script\n# ///\n")));
  EXPECT_FALSE(python::is_python("a.so"));
}

TEST(PythonHeader, VersionsArePartOfTheIdentityOnlyWhereThereAreSome) {
  EXPECT_EQ(base::plugin_identity("aa", {}), "aa");
  EXPECT_NE(base::plugin_identity("aa", {}, "Python 3.11"), base::plugin_identity("aa", {}, "Python 3.12"));
  EXPECT_NE(base::plugin_identity("aa", {"bb"}, "Python 3.11"), base::plugin_identity("aa", {"bb"}));
}

}  // namespace
