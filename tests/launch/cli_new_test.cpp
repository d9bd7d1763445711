// clbench new: a project from the shipped templates, or nothing at all. That the projects build and run is tests/outside.
#include <clb/base/file.hpp>

#include "cli_fixture.hpp"

namespace clb::testing {
namespace {

using base::Json;

class CliNew : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    fs::copy(fs::path(CLB_SOURCE_DIR) / "share/templates", templates(), fs::copy_options::recursive);
    fs::create_directory(place());
  }
  fs::path templates() const { return prefix() / "share/clbench/templates"; }
  fs::path place() const { return folder_.path() / "place"; }
  std::string out() const { return (place() / "out").string(); }

  // The sentence of a call that must fail and leave nothing of its own behind.
  std::string refused(std::vector<std::string> words, int exit_code = 2) const {
    const auto before = files(place());
    words.insert(words.begin(), "new");
    const auto ended = clbench(std::move(words));
    EXPECT_EQ(ended.exit_code, exit_code) << ended.err;
    EXPECT_EQ(ended.out, "");
    EXPECT_EQ(files(place()), before) << ended.err;
    return ended.err;
  }
  static std::vector<std::string> files(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) names.push_back(entry.path().lexically_relative(folder).string());
    std::sort(names.begin(), names.end());
    return names;
  }
};

TEST_F(CliNew, WritesAProjectWithTheNameFilledIn) {
  for (const std::string kind : {"method", "dataset"}) {
    const fs::path folder = place() / kind;
    const Json said = json({"new", kind, "soft_2means", "--out", folder.string() + "/"});
    EXPECT_EQ(said["folder"], folder.string());
    EXPECT_EQ(said["files"], (Json{"CMakeLists.txt", "README.md", "experiment.toml", "soft_2means.cpp", "test.sh"}));
    EXPECT_EQ(said["files"].get<std::vector<std::string>>(), files(folder));
    for (const std::string name : said["files"]) {
      const std::string text = base::read_file(folder / name);
      EXPECT_FALSE(contains(text, "{{") || contains(text, "}}")) << name;
      EXPECT_TRUE(contains(text, "soft_2means")) << name;
    }
    const std::string code = base::read_file(folder / "soft_2means.cpp");
    EXPECT_TRUE(contains(code, "class Soft2means final : public clb::")) << code;
    EXPECT_TRUE(contains(code, "(Soft2means)\n")) << code;
    EXPECT_TRUE(contains(base::read_file(folder / "CMakeLists.txt"), "clb_add_" + kind + "(soft_2means soft_2means.cpp)"));
  }
}

TEST_F(CliNew, NamesTheNextCommands) {
  const auto ended = clbench({"new", "method", "mine", "--out", (place() / "a b").string()});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "  cd '" + (place() / "a b").string() + "'\n")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "  cmake -B build -DCMAKE_PREFIX_PATH=" + prefix().string() + "\n")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "/bin/clbench run experiment.toml --plugin-path build/lib/clbench/methods\n")) << ended.out;
}

TEST_F(CliNew, RefusesWhatIsThereAndWhatIsNoName) {
  fs::create_directory(out());
  EXPECT_EQ(refused({"method", "mine", "--out", out()}),
            "clbench: new: " + out() + " exists; remove it, or give another folder with --out DIR\n");
  fs::remove(out());
  fs::create_symlink("nowhere", out());
  EXPECT_TRUE(contains(refused({"method", "mine", "--out", out()}), "exists;"));
  fs::remove(out());
  EXPECT_EQ(refused({"method", "mine", "--out", out() + "/deeper"}), "clbench: new: there is no folder " + out() + " to write into\n");
  for (const std::string& name : {std::string("Mine"), std::string("2means"), std::string("my-method"), std::string("../mine"),
                                  std::string(""), std::string(64, 'm')}) {
    EXPECT_EQ(
        refused({"dataset", name, "--out", out()}),
        "clbench: new: '" + name + "' is no name of a plugin; it must look like [a-z][a-z0-9_]* and be short, for example my_dataset\n");
  }
}

TEST_F(CliNew, ABrokenInstallationLeavesNothingHalfWritten) {
  folder_.write("prefix/share/clbench/templates/method/z.txt.mustache", "{{#open}} never closed");
  EXPECT_TRUE(contains(refused({"method", "mine", "--out", out()}, 3), "z.txt.mustache: "));
  fs::remove_all(templates());
  EXPECT_TRUE(contains(refused({"method", "mine", "--out", out()}), "templates/method: the templates are missing; "));
}

}  // namespace
}  // namespace clb::testing
