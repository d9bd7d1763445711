// Paths that are no UTF-8 ended in json.exception.type_error.316, or the root of a data set was mangled.
#include <clb/base/path_text.hpp>
#include <clb/base/run_spec.hpp>

#include "e2e/cli.hpp"
#include "errors.hpp"

namespace clb::testing {
namespace {

TEST(PathsWithoutUtf8, EveryByteComesBack) {
  std::string all = "/data/\xef\x9e\x80\xef\x9f\xbf/\xc3\xa9\xf0\x9f\x98\x80";
  for (int byte = 255; byte > 0; --byte) all += static_cast<char>(byte);
  EXPECT_EQ(base::path_bytes(base::path_text(all)), all);
  EXPECT_NO_THROW(base::Json(base::path_text(all)).dump());
  EXPECT_EQ(base::path_text("/caf\xc3\xa9"), "/caf\xc3\xa9");
}

// Data, database, cache and the current folder below a name in Latin-1; the run, the table and JSON work.
TEST(PathsWithoutUtf8, ARunWorksBelowThem) {
  const World world;
  const fs::path folder = world.path() / "caf\xe9";
  fs::create_directories(folder);
  fs::rename(world.data(), folder / "data");
  const fs::path database = folder / "r\xfcns.sqlite";
  const auto clbench = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"/usr/bin/env", "-C", folder.string(), std::string(CLB_BINARY_DIR) + "/bin/clbench"});
    words.insert(words.end(), {"--db", database.string()});
    return run_program(world.path(), words,
                       {"CLB_CACHE=" + (folder / "c\xe4"
                                                 "che")
                                           .string()});
  };
  const Ended run = clbench({"run", world.experiment().string(), "--json", "--set", "dataset.root=" + (folder / "data").string()});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_FALSE(contains(run.err + run.out, "json.exception")) << run.err;
  const Ended again = clbench({"run", world.experiment().string(), "--set", "dataset.root=" + (folder / "data").string()});
  EXPECT_TRUE(contains(again.err, "1 of 1 runs are finished and skipped")) << again.err;
  const auto store = store::Store::open(database, store::Store::Mode::kRead);
  ASSERT_EQ(store.runs().size(), 1u);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"status", "--json"}, {"table", "--format", "json"}, {"audit"}}) {
    const Ended ended = clbench(words);
    EXPECT_EQ(ended.code, 0) << words[0] << ": " << ended.err;
  }
}

TEST(PathsWithoutUtf8, TheRootIsKeptByteByByte) {
  base::RunSpec spec;
  spec.dataset.root = "/d\xe4ta";
  spec.execution.run_dir = "/r\xfcns";
  const base::Json json = base::parse_json(base::canonical(spec.to_json()), "spec");
  EXPECT_EQ(base::path_bytes(json.at("dataset").at("root").get<std::string>()), "/d\xe4ta");
  EXPECT_EQ(base::path_bytes(json.at("execution").at("run_dir").get<std::string>()), "/r\xfcns");
}

}  // namespace
}  // namespace clb::testing
