#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/launch/devices.hpp>

#include "errors.hpp"

namespace clb::launch {
namespace {

using clb::testing::contains;
using clb::testing::error_of;
using List = std::vector<std::string>;

std::string refused(const std::string& text) {
  return error_of<base::Error>([&] { parse_devices(text); });
}

TEST(Devices, AreAListOfCardsEachNamedOnce) {
  EXPECT_EQ(parse_devices("cuda:0"), List{"cuda:0"});
  EXPECT_EQ(parse_devices("cuda:3,cuda:10,cpu"), (List{"cuda:3", "cuda:10", "cpu"}));
  for (const char* wrong :
       {"", "cpu,cuda:x", "cuda", "gpu:0", "0", "cuda:", "cuda:-1", "cuda:00", "cuda:0,", ",cuda:0", "cuda:0 cuda:1", "cuda:1234"})
    EXPECT_TRUE(contains(refused(wrong), "--devices takes cards, for example cuda:0,cuda:1")) << wrong;
  EXPECT_TRUE(contains(refused("cpu,cuda:x"), "not 'cuda:x' in 'cpu,cuda:x'"));
  EXPECT_TRUE(contains(refused("cuda:1,cuda:0,cuda:1"), "names cuda:1 twice"));
}

TEST(Devices, AreHeldAgainstTheCardsThatThereAre) {
  check_cards({"cuda:0", "cuda:1", "cpu"}, 2);
  EXPECT_TRUE(contains(error_of<base::Error>([] {
                         check_cards({"cuda:1", "cuda:2"}, 2);
                       }),
                       "cuda:2, but this machine has 2 CUDA cards, counted"));
  EXPECT_TRUE(contains(error_of<base::Error>([] { check_cards({"cuda:1"}, 1); }), "1 CUDA card,"));
  EXPECT_TRUE(contains(error_of<base::Error>([] { check_cards({"cuda:0"}, 0); }), "no CUDA card is usable here"));
}

TEST(Devices, AreGivenToRunsThatNameNoneThemselves) {
  check_assignable({"cuda:0", "cpu"}, "auto");
  check_assignable({"cuda:0"}, "cuda");
  check_assignable({"cuda:0"}, "cpu");
  EXPECT_TRUE(contains(error_of<base::Error>([] { check_assignable({"cuda:0"}, "cuda:1"); }), "run.device = \"cuda:1\" itself"));
  EXPECT_TRUE(contains(error_of<base::Error>([] { check_assignable({"cpu"}, "cuda"); }), "--devices names cpu"));
}

TEST(Devices, TheOneWithTheFewestRunsIsNext) {
  EXPECT_EQ(next_device({"cuda:0", "cuda:1"}, {}), "cuda:0");
  EXPECT_EQ(next_device({"cuda:0", "cuda:1"}, {"cuda:0"}), "cuda:1");
  EXPECT_EQ(next_device({"cuda:0", "cuda:1"}, {"cuda:1"}), "cuda:0");
  EXPECT_EQ(next_device({"cuda:0", "cuda:1"}, {"cuda:0", "cuda:1", "cuda:0", ""}), "cuda:1");
  EXPECT_EQ(next_device({}, {"cuda:0"}), "");
}

TEST(Devices, ReachARunnerAsTheOnlyCardThatItSees) {
  using Environment = std::map<std::string, std::string>;
  EXPECT_EQ(device_environment("cuda:1", nullptr), (Environment{{"CUDA_VISIBLE_DEVICES", "1"}}));
  EXPECT_EQ(device_environment("cuda:1", "4,6"), (Environment{{"CUDA_VISIBLE_DEVICES", "6"}})) << "what Slurm gave the job";
  EXPECT_EQ(device_environment("cuda:0", "GPU-8932f937,GPU-1"), (Environment{{"CUDA_VISIBLE_DEVICES", "GPU-8932f937"}}));
  EXPECT_EQ(device_environment("cpu", "4,6"), (Environment{{"CUDA_VISIBLE_DEVICES", ""}}));
  EXPECT_EQ(device_environment("", "4,6"), Environment{});
}

}  // namespace
}  // namespace clb::launch
