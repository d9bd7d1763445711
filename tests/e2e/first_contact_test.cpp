// Several starts at once on a cold cache: the data are prepared once, and all end well.
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "e2e/cli.hpp"

namespace {

using clb::testing::Ended;
using clb::testing::World;
namespace fs = std::filesystem;

bool may_unshare() { return std::system("unshare --pid --fork true 2>/dev/null") == 0; }

// `clbench run` with a database and a folder of its own, as process 1 of a PID namespace where that is allowed.
Ended start(const World& world, int number, bool contained) {
  const fs::path folder = world.path() / ("start" + std::to_string(number));
  fs::create_directories(folder);
  std::vector<std::string> words{std::string(CLB_BINARY_DIR) + "/bin/clbench", "run", world.experiment().string(), "--db",
                                 (folder / "runs.sqlite").string()};
  if (contained) words.insert(words.begin(), {"/usr/bin/unshare", "--pid", "--fork"});
  return clb::testing::run_program(folder, words, {"CLB_CACHE=" + world.cache().string()});
}

TEST(FirstContact, OfTwoStartsAtOnceEndsWell) {
  const World world;
  const bool contained = may_unshare();
  std::vector<Ended> ended(2);
  std::vector<std::thread> threads;
  for (int k = 0; k < 2; ++k) threads.emplace_back([&, k] { ended[static_cast<size_t>(k)] = start(world, k, contained); });
  for (auto& thread : threads) thread.join();
  for (const Ended& one : ended) {
    EXPECT_EQ(one.code, 0) << one.err;
    EXPECT_EQ(one.err.find("warning"), std::string::npos) << one.err;
  }
  const auto run_of = [&](int k) {
    const auto store =
        clb::store::Store::open(world.path() / ("start" + std::to_string(k)) / "runs.sqlite", clb::store::Store::Mode::kRead);
    const auto row = store.runs().at(0);
    return std::pair(row.key, store.prediction(row.attempt_id, row.tasks_done - 1));
  };
  EXPECT_EQ(run_of(0), run_of(1));
  for (const auto& file : world.cached("")) EXPECT_NE(file.extension(), ".tmp") << file;
}

}  // namespace
