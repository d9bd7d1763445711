#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/base/event.hpp>
#include <cmath>
#include <functional>

#include "damage.hpp"
#include "errors.hpp"

namespace clb::base {
namespace {

using testing::contains;
using testing::error_of;

TaskDone good_task() {
  TaskDone task;
  task.task = 1;
  task.classes = {7, 3};
  task.evals = {{0, 10, 8, 10, 9, 1.25}, {1, 5, 0, 5, 1, 8.5}};
  task.predictions = {7, 3, -1};
  task.logit_hash = "abc";
  task.spans = {{"train_task", 1, 0.5, 0.25}};
  task.metrics = {{"loss", 1, 10, 0.125}};
  return task;
}

std::vector<Event> one_of_each() {
  Hello hello;
  hello.pid = 42;
  hello.device = "cuda:0 \"quoted\"\nline";
  return {hello,
          Log{"warning", "ü"},
          Progress{"features", 0, 64, 0, "images"},
          Metric{"loss", 0, 1, -2.5},
          Span{"load", -1, 1.5, 0},
          Resource{{{"peak_rss_bytes", 1e9}}},
          good_task(),
          Targets{"test", {1, 0}},
          Look{{4, 0}, {{7, {3, 1}, {0, 1, 1}, {3, 1, 2}}}, true, {"key/sum"}, "/cache/\xff", 1},
          Done{{{{"updates", 3}}}},
          Failed{"numeric", "NaN in loss", "l2p.cpp", 12, 3, "train_task"},
          Failed{"invalid", "top_k is 20", "l2p.cpp", 39, -1, "create", true}};
}

TEST(Event, EveryKindSurvivesItsLine) {
  for (const Event& event : one_of_each()) {
    const std::string line = encode(event);
    EXPECT_FALSE(contains(line, "\n")) << line;
    const Event back = decode(line);
    EXPECT_EQ(back.index(), event.index());
    EXPECT_EQ(encode(back), line);
  }
}

TEST(Event, NonFiniteMetricTravelsAsNull) {
  const std::string line = encode(Metric{"loss", 0, 1, std::nan("")});
  EXPECT_TRUE(contains(line, "\"value\":null"));
  EXPECT_TRUE(std::isnan(std::get<Metric>(decode(line)).value));
}

TEST(Event, EveryTruncationIsAnErrorAndEveryFlipParsesOrIsOne) {
  for (const Event& event : one_of_each()) {
    const std::string line = encode(event);
    testing::for_each_truncation(line, [](const std::string& bytes, size_t) { EXPECT_THROW(decode(bytes), Error); });
    testing::for_each_bit_flip(line, 0, line.size(), [](const std::string& bytes, size_t at, int) {
      try {
        decode(bytes);
      } catch (const Error& error) {
        EXPECT_TRUE(std::string(error.what()).starts_with("event")) << at << ": " << error.what();
        EXPECT_EQ(error.exit(), Exit::kInternal);
      }
    });
  }
}

TEST(Event, EveryMissingMemberIsNamed) {
  for (const Event& event : one_of_each()) {
    const Json json = parse_json(encode(event), "x");
    for (const auto& [name, value] : json.items()) {
      Json less = json;
      less.erase(name);
      EXPECT_TRUE(contains(error_of<Error>([&] { decode(canonical(less)); }), name + " is missing"));
    }
  }
}

TEST(Event, WrongMembersAreNamed) {
  const Json good = parse_json(encode(good_task()), "x");
  const auto refused = [&](const char* pointer, const Json& value, const std::string& part) {
    Json json = good;
    json[Json::json_pointer(pointer)] = value;
    const std::string text = error_of<Error>([&] { decode(canonical(json)); });
    EXPECT_TRUE(contains(text, part)) << pointer << ": " << text;
  };
  refused("/v", 2, "member v must lie in [1, 1]");
  refused("/t", "nonsense", "unknown type");
  refused("/surplus", 1, "surplus is unknown");
  refused("/task", -1, "task");
  refused("/evals/0/correct", 11, "evals[0].correct must lie in [0, 10]");
  refused("/evals/1/n", -1, "evals[1].n");
  refused("/evals/1/loss_sum", nullptr, "evals[1].loss_sum");
  refused("/predictions", {7, -2}, "predictions[1]");
  refused("/predictions", {7, 0.5}, "predictions[1]");
  refused("/classes", "7", "classes must be a list");
  refused("/spans/0/wall_s", -0.5, "spans[0].wall_s");
  refused("/metrics/0/surplus", 1, "metrics[0].surplus");
  EXPECT_TRUE(contains(error_of<Error>([] { decode("[]"); }), "event: the whole must be a JSON object"));
  EXPECT_THROW(decode(std::string((64 << 20) + 1, ' ')), Error);
}

}  // namespace
}  // namespace clb::base
