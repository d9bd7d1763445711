#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/base/json.hpp>
#include <cmath>

#include "errors.hpp"

namespace clb::base {
namespace {

using testing::contains;
using testing::error_of;

TEST(Json, CanonicalTextIsSortedDenseAndShortest) {
  const Json json = parse_json(R"({ "b" : [1, 1.0, 0.1, 1e300, -0.0], "a" : {"z": null, "y": true}, "ü": "\u00fc" })", "x");
  EXPECT_EQ(canonical(json), R"({"a":{"y":true,"z":null},"b":[1,1.0,0.1,1e+300,-0.0],"ü":"ü"})");
  EXPECT_EQ(canonical(parse_json(canonical(json), "x")), canonical(json));
}

TEST(Json, DoublesSurviveTheirText) {
  for (double value : {0.1, 1.0 / 3, std::nextafter(1.0, 2.0), 5e-324, 1.7976931348623157e308}) {
    EXPECT_EQ(parse_json(canonical(Json(value)), "x").get<double>(), value);
  }
}

TEST(Json, InvalidUtf8IsReplacedInTextAndRefusedInInput) {
  EXPECT_EQ(canonical(Json("a\xff")), "\"a\xef\xbf\xbd\"");
  EXPECT_THROW(parse_json("\"a\xff\"", "x"), Error);
}

TEST(Json, MistakesNameTheSourceAndTheByte) {
  const std::string text = error_of<Error>([] { parse_json("{\"a\": 1,}", "run.json"); });
  EXPECT_TRUE(text.starts_with("run.json: ")) << text;
  EXPECT_TRUE(contains(text, "byte 9")) << text;
  EXPECT_THROW(parse_json("", "x"), Error);
  EXPECT_THROW(parse_json("1 2", "x"), Error);
  EXPECT_THROW(parse_json("1e999", "x"), Error);
}

TEST(Json, RepeatedMembersAreRefused) {
  EXPECT_TRUE(contains(error_of<Error>([] { parse_json(R"({"a":1,"b":{"a":2},"a":3})", "x"); }), "\"a\" appears twice"));
  EXPECT_NO_THROW(parse_json(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})", "x"));
}

TEST(Json, DepthIsLimited) {
  EXPECT_NO_THROW(parse_json(std::string(64, '[') + std::string(64, ']'), "x"));
  EXPECT_THROW(parse_json(std::string(65, '[') + std::string(65, ']'), "x"), Error);
  EXPECT_THROW(parse_json(std::string(1'000'000, '['), "x"), Error);
}

}  // namespace
}  // namespace clb::base
