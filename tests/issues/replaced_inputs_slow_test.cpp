// The same after the files have rested long enough to be remembered.
#include <thread>

#include "replaced_inputs.hpp"

namespace clb::testing {
namespace {

TEST_F(ReplacedInputs, DataThatAreRememberedAreStillFoundReplaced) {
  const auto rest = [] { std::this_thread::sleep_for(std::chrono::seconds(4)); };
  rest();
  EXPECT_EQ(accuracy(), 1);
  EXPECT_EQ(accuracy(), 1);
  replace_data(1);
  rest();
  EXPECT_EQ(accuracy(), 0);
  EXPECT_EQ(audit().code, 0);
  EXPECT_EQ(accuracy({"--cache=off"}), 0);

  // A folder moved into the place of the other: no file of it was touched.
  fs::create_directories(world_.path() / "v1");
  for (const char* split : {"train", "test"}) {
    std::ofstream(world_.path() / "v1" / (std::string(split) + ".safetensors"), std::ios::binary) << vectors(0);
    fs::last_write_time(world_.path() / "v1" / (std::string(split) + ".safetensors"), fs::last_write_time(file(split)));
  }
  rest();
  fs::rename(world_.path() / "vectors", world_.path() / "v2");
  fs::rename(world_.path() / "v1", world_.path() / "vectors");
  EXPECT_EQ(accuracy(), 1);
}

}  // namespace
}  // namespace clb::testing
