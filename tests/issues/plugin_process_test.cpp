// A plugin with an undefined symbol was "Bad file descriptor"; exit(0) inside a check ended the whole validation, and a child that a plugin
// left behind held it up for minutes.
#include <gtest/gtest.h>

#include <chrono>
#include <clb/base/json.hpp>
#include <clb/launch/spawn.hpp>

#include "e2e/cli.hpp"
#include "support/errors.hpp"

namespace clb::testing {
namespace {

const std::string kBuild = CLB_BINARY_DIR;

TEST(PluginProcess, AnUndefinedSymbolIsNamed) {
  const World world;
  const std::string file = kBuild + "/tests/plugins/undefined.so";
  const std::string wanted = "cannot be loaded: undefined symbol: forgotten::library(char const*); link the plugin with the library";
  for (const auto& words :
       {std::vector<std::string>{"validate", file}, {"info", "undefined", "--plugin-path", kBuild + "/tests/plugins"}}) {
    const Ended ended = world.clbench(words);
    EXPECT_EQ(ended.code, 2);
    EXPECT_TRUE(contains(ended.err, wanted)) << ended.err;
    EXPECT_FALSE(contains(ended.err, "Bad file descriptor")) << ended.err;
  }
}

base::Json checks(const std::string& fault) {
  const World world;
  const Ended ended = world.clbench(
      {"validate", kBuild + "/tests/plugins/faulty.so", "--json", "--check", "life_cycle,one_task", "--set", "fault=" + fault});
  return base::parse_json(ended.out, "validate").at("checks");
}

TEST(PluginProcess, ExitInACheckFailsThatCheckAndNoMore) {
  const base::Json rows = checks("exit");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].at("status"), "fail");
  EXPECT_TRUE(contains(rows[0].at("remark"), "with exit code 0")) << rows[0];
  EXPECT_EQ(rows[1].at("status"), "pass");  // its only task is not the one in which the fault strikes
}

TEST(PluginProcess, AChildThatComesBackAnswersNothing) {
  const base::Json rows = checks("fork");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].at("status"), "pass") << rows[0];
}

TEST(PluginProcess, AChildThatStaysHoldsNothingUp) {
  const auto start = std::chrono::steady_clock::now();
  const launch::Captured ended =
      launch::capture({.program = "/bin/sh", .arguments = {"-c", "sleep 30 & echo said"}, .environment = {}, .own_group = true}, 20);
  EXPECT_EQ(ended.out, "said\n");
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_FALSE(ended.timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace clb::testing
