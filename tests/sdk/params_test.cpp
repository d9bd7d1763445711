// Parameters that are members of a member: schema, defaults and settings reach them.
#include <gtest/gtest.h>

#include <clb/sdk/method.hpp>
#include <clb/sdk/nn.hpp>

namespace {

struct Method {
  bool vote = true;
  clb::nn::FitOptions fit{.optimizer = "adam", .lr = 0.25, .milestones = {3, 4}};
};

TEST(Params, OptionsOfAFitAreParameters) {
  clb::Params<Method> p;
  p.flag("vote", &Method::vote, "");
  clb::add_options(p, &Method::fit);
  Method method;
  std::vector<clb_setting> settings;
  for (const auto& param : p.schema()) settings.push_back({sizeof(clb_setting), 0, param.name, param.default_value});
  EXPECT_STREQ(settings.at(1).name, "optimizer");
  EXPECT_STREQ(settings[1].value.as.s, "adam");
  EXPECT_EQ(settings[2].value.as.f, 0.25);
  method.fit = {};
  p.apply(method, settings.data(), static_cast<uint32_t>(settings.size()), sizeof(clb_setting));
  EXPECT_EQ(method.fit.optimizer, "adam");
  EXPECT_EQ(method.fit.lr, 0.25);
  EXPECT_EQ(method.fit.milestones, (std::vector<int64_t>{3, 4}));
}

struct Grown {
  bool flag = true;
  int64_t count = 3;
  double rate = 0.5;
  std::string text = "x", chosen = "b";
  std::vector<int64_t> list{1, 2};
  std::vector<double> reals;
};

TEST(Params, NeutralValuesAreOfTheParametersType) {
  clb::Params<Grown> p;
  p.flag("flag", &Grown::flag, "").neutral(false);
  p.integer("count", &Grown::count, {0, 9}, "").neutral(0).counts_blocks();
  p.real("rate", &Grown::rate, {0, 1}, "").neutral(0);
  p.string("text", &Grown::text, "").neutral(std::string("y"));
  p.choice("chosen", &Grown::chosen, {"a", "b"}, "").neutral("a").implies(clb::kFrozenFeatures, "b");
  p.integers("list", &Grown::list, {0, 9}, "").neutral({4, 5, 6});
  p.reals("reals", &Grown::reals, {0, 1}, "");
  const auto& schema = p.schema();
  for (size_t k = 0; k + 1 < schema.size(); ++k) EXPECT_EQ(schema[k].neutral.type, schema[k].default_value.type) << schema[k].name;
  EXPECT_EQ(schema[0].neutral.as.i, 0);
  EXPECT_EQ(schema[0].default_value.as.i, 1) << "the default is another matter";
  EXPECT_EQ(schema[1].counts, CLB_COUNTS_BLOCKS);
  EXPECT_EQ(schema[2].neutral.as.f, 0.0);
  EXPECT_STREQ(schema[3].neutral.as.s, "y");
  EXPECT_STREQ(schema[4].neutral.as.s, "a");
  ASSERT_EQ(schema[5].neutral.count, 3u);
  EXPECT_EQ(schema[5].neutral.as.ints[2], 6);
  EXPECT_EQ(schema[6].neutral.type, 0u) << "none";
}

}  // namespace
