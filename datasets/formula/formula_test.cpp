#include "formula.cpp"

#include <gtest/gtest.h>

#include <clb/base/sha256.hpp>
#include <clb/loader/params.hpp>
#include <clb/sdk/call_dataset.hpp>
#include <map>
#include <set>

#include "errors.hpp"

namespace {

using clb::base::Json;
using clb::testing::contains;
using clb::testing::error_of;

// The data set; parameters that are not named have their defaults.
class Opened {
 public:
  Opened(const std::string& root, const Json& params) {
    const clb_dataset_info info = plugin_.describe();
    Json values = params;
    for (const auto& param : clb::loader::params_info(info.params, info.param_count, info.param_stride, "dataset"))
      if (!values.contains(param.name)) values[param.name] = param.default_value;
    const clb::loader::Settings settings(info.params, info.param_count, info.param_stride, values);
    plugin_.open(root, settings.list());
  }

  std::vector<std::string> names() const { return list(plugin_.describe().class_names, plugin_.describe().class_count); }
  std::vector<std::string> readable() const { return list(plugin_.describe().readable_names, plugin_.describe().class_count); }
  std::vector<std::string> templates() const { return list(plugin_.describe().templates, plugin_.describe().template_count); }
  std::vector<std::string> domains() const {
    const clb_dataset_info info = plugin_.describe();
    return info.domain_names == nullptr ? std::vector<std::string>() : list(info.domain_names, info.domain_count);
  }
  clb_index index(uint32_t split) const { return plugin_.index(split); }
  std::string image(uint32_t split, int64_t id) const {
    const auto samples = plugin_.read(split, std::span(&id, 1));
    EXPECT_EQ(samples[0].format, CLB_FORMAT_U8_HWC);
    EXPECT_EQ(samples[0].size, 32U * 32U * 3U);
    return {samples[0].bytes, samples[0].bytes + samples[0].size};
  }
  std::string hash() const {
    clb::base::Sha256 hash;
    for (const uint32_t split : {CLB_SPLIT_TRAIN, CLB_SPLIT_TEST})
      for (int64_t id = 0; id < index(split).count; ++id) hash.update(image(split, id));
    return clb::base::hex(hash.finish());
  }

 private:
  static std::vector<std::string> list(const char* const* names, int64_t count) { return {names, names + count}; }

  clb_host host_ = clb::ErrorSink::minimal_host();
  clb::DatasetPlugin plugin_{clb_dataset_v0(), &host_};
};

Opened with(const Json& params) { return {"", params}; }

std::string refusal(const Json& params) {
  return error_of<clb::PluginError>([&] { with(params); });
}

// The same on every machine: whoever changes a formula changes what stored runs were measured on, and this number.
TEST(FormulaData, KeepsItsBytes) {
  EXPECT_EQ(with({{"classes", 6}, {"train_images", 4}, {"test_images", 2}, {"clutter", 0.5}, {"noise", 0.5}}).hash(),
            "25ca39774bf549e06f21451e345409fa5e425ad839bfd42b8a29aa192f782515");
  EXPECT_EQ(with({{"classes", 4}, {"train_images", 2}, {"test_images", 1}, {"domains", "strokes"}}).hash(),
            "c2924f1df658d9c398e8556062ced7e30e2adb0642624ebbe35da08dccee3f3c");
  EXPECT_EQ(with({{"classes", 4}, {"train_images", 1}, {"test_images", 1}, {"domains", "grounds"}}).hash(),
            "572bd8e15dd0bd14fc89230aa39a39cd761e72c414e1fe870ee99114b657a0a7");
  EXPECT_EQ(with({{"classes", 4}, {"train_images", 1}, {"test_images", 1}, {"domains", "textures"}}).hash(),
            "8ae3d094bcccb2832e4918fcb968d183694952f05a838786b0a92e4d209d5943");
}

TEST(FormulaData, LabelsAndDomainsFollowTheFormOfTheSplit) {
  const Opened data = with({{"classes", 3}, {"train_images", 2}, {"test_images", 1}, {"domains", "grounds"}, {"domain_count", 2}});
  const clb_index train = data.index(CLB_SPLIT_TRAIN);
  EXPECT_EQ((std::vector<int64_t>{train.labels, train.labels + train.count}), (std::vector<int64_t>{0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2}));
  EXPECT_EQ((std::vector<int64_t>{train.domains, train.domains + train.count}), (std::vector<int64_t>{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(data.index(CLB_SPLIT_TEST).count, 6);
  EXPECT_EQ(data.domains(), (std::vector<std::string>{"black", "white"}));
  EXPECT_TRUE(with(Json::object()).domains().empty());
  EXPECT_EQ(with({{"domains", "textures"}}).domains(),
            (std::vector<std::string>{"plain", "striped", "checked", "dotted", "mottled", "shaded"}));
  EXPECT_EQ(with({{"domains", "strokes"}}).domains(), (std::vector<std::string>{"filled", "outlined", "dashed", "sketched"}));
}

TEST(FormulaData, ClassesHaveNamesThatPeopleWouldGiveThem) {
  const Opened pairs = with({{"classes", 0}});
  EXPECT_EQ(pairs.names().size(), 180U);
  EXPECT_EQ(pairs.readable()[0], "red star");
  EXPECT_EQ(pairs.names()[0], "red_star");
  const auto has = [](const Json& params, const std::string& name) {
    const auto names = with(params).readable();
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  EXPECT_TRUE(has({{"classes", 0}, {"attributes", "colour_texture_figure"}}, "blue striped ring"));
  EXPECT_TRUE(has({{"classes", 0}, {"attributes", "colour_texture_figure"}}, "blue ring")) << "plain goes without saying";
  EXPECT_TRUE(has({{"classes", 0}, {"attributes", "texture_figure"}}, "dotted fish"));
  EXPECT_TRUE(has({{"classes", 0}, {"attributes", "figure"}}, "mushroom"));
  EXPECT_TRUE(has({{"classes", 0}, {"attributes", "colour"}}, "pink thing"));
  for (const std::string& text : pairs.templates()) EXPECT_EQ(text.find("{}"), text.rfind("{}")) << text;
  EXPECT_EQ(with({{"classes", 0}, {"attributes", "colour_texture_figure"}}).names().size(), 720U);
}

// Every image of the other split and every other image differs, even where nothing is left to chance but shades of colours.
TEST(FormulaData, NoImageIsInBothSplitsOrThereTwice) {
  for (const double freedom : {0.5, 0.0}) {
    const Opened data =
        with({{"classes", 8}, {"train_images", 30}, {"test_images", 30}, {"pose", freedom}, {"variation", freedom}, {"noise", 0}});
    std::set<std::string> seen;
    for (const uint32_t split : {CLB_SPLIT_TRAIN, CLB_SPLIT_TEST})
      for (int64_t id = 0; id < data.index(split).count; ++id) EXPECT_TRUE(seen.insert(data.image(split, id)).second) << split << " " << id;
  }
}

TEST(FormulaData, ALargerOneHoldsTheImagesOfASmallerOne) {
  const Opened small = with({{"classes", 3}, {"train_images", 4}}),
               large = with({{"classes", 5}, {"train_images", 9}, {"domains", "grounds"}});
  const Opened wide = with({{"classes", 5}, {"train_images", 9}});
  for (int64_t c = 0; c < 3; ++c)
    for (int64_t k = 0; k < 4; ++k) EXPECT_EQ(small.image(CLB_SPLIT_TRAIN, 4 * c + k), wide.image(CLB_SPLIT_TRAIN, 9 * c + k));
  const std::vector<std::string> few = small.names(), more = large.names();
  EXPECT_EQ(few, std::vector<std::string>(more.begin(), more.begin() + 3));
}

TEST(FormulaData, TheSeedDecidesImagesAndNotClasses) {
  const Opened zero = with({{"seed", 0}}), one = with({{"seed", 1}});
  EXPECT_EQ(zero.names(), one.names());
  EXPECT_NE(zero.image(CLB_SPLIT_TRAIN, 0), one.image(CLB_SPLIT_TRAIN, 0));
}

TEST(FormulaData, HeldOutPairsAreApartFromSeenOnes) {
  const auto names = [](const char* which) {
    const auto list = with({{"classes", 0}, {"combinations", which}}).names();
    return std::set<std::string>(list.begin(), list.end());
  };
  const auto all = names("all"), seen = names("seen"), held = names("held_out");
  EXPECT_EQ(held.size(), 30U);
  EXPECT_EQ(seen.size() + held.size(), all.size());
  std::set<std::string> figures, colours;
  for (const std::string& name : held) {
    EXPECT_FALSE(seen.contains(name)) << name;
    colours.insert(name.substr(0, name.find('_')));
    figures.insert(name.substr(name.find('_') + 1));
  }
  EXPECT_EQ(colours.size(), 9U) << "every colour is asked for with some figure that it was not seen with";
  EXPECT_EQ(figures.size(), 20U);
}

TEST(FormulaData, MistakesAreSentences) {
  EXPECT_TRUE(
      contains(refusal({{"classes", 181}}), "classes = 181, but attributes = \"colour_figure\" with combinations = \"all\" gives 180"));
  EXPECT_TRUE(contains(refusal({{"classes", 31}, {"combinations", "held_out"}}), "gives 30"));
  EXPECT_TRUE(contains(refusal({{"classes", 1}}), "at least 2"));
  EXPECT_TRUE(contains(refusal({{"attributes", "texture_figure"}, {"domains", "textures"}}), "the classes are made of textures"));
  EXPECT_TRUE(contains(refusal({{"attributes", "texture_figure"}, {"domains", "strokes"}}), "lines show no textures"));
  EXPECT_TRUE(contains(refusal({{"domains", "strokes"}, {"domain_count", 5}}), "domain_count = 5, but domains = \"strokes\" gives 4"));
  EXPECT_TRUE(contains(refusal({{"domain_count", 2}}), "domains = \"none\" gives 1"));
  EXPECT_TRUE(contains(refusal({{"classes", 0}, {"train_images", 1'000'000}}), "more than 10000000 images"));
}

}  // namespace
