// Parameters that are members of a member: schema, defaults and settings reach them.
#include <gtest/gtest.h>

#include <clb/sdk/nn.hpp>

namespace {

struct Method {
  bool vote = true;
  clb::nn::FitOptions fit{.optimizer = "adam", .lr = 0.25, .milestones = {3, 4}};
};

TEST(Params, OptionsOfAFitAreParameters) {
  clb::Params<Method> p;
  p.flag("vote", &Method::vote, "");
  clb::describe(p, &Method::fit);
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

}  // namespace
