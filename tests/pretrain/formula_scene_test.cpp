// Things with names, scenes of them, and what sentences say.
#include <gtest/gtest.h>

#include <clb/base/sha256.hpp>
#include <clb/formula/scene.hpp>
#include <map>
#include <set>

namespace clb::formula {
namespace {

Random random_of(uint64_t index) { return {7, 1, index}; }

Scene drawn_scene(Random& random, const SceneOptions& options = {}) {
  return {.thing = drawn_thing(random, options), .size = random.between(0.5F, 1)};
}

// As FormulaImages.KeepTheirBytes: sentences are part of what a published recipe means.
TEST(FormulaScenes, KeepTheirBytes) {
  const ThingPainter painter({.variation = 0.7, .pose = 0.8, .clutter = 0.3, .noise = 0.3});
  base::Sha256 hash;
  Image image;
  for (uint64_t k = 0; k < 300; ++k) {
    Random random = random_of(k);
    Scene scene{.thing = drawn_thing(random, {}), .size = 0};
    scene.size = painter.draw(scene.thing, random, image);
    hash.update(image.pixels);
    hash.update(sentence(scene, random).text);
    hash.update(full_sentence(scene));
  }
  EXPECT_EQ(base::hex(hash.finish()), "90447e500629cd6f9cbe486e0051337cf317f2f705e850fd8e271692bca232d8");
}

TEST(FormulaScenes, HeldOutPairsComeOnlyWhenTheyAreAskedFor) {
  Random random = random_of(0);
  std::set<std::pair<int, int>> seen, unseen;
  for (int k = 0; k < 20'000; ++k) {
    const Thing thing = drawn_thing(random, {}), other = drawn_thing(random, {.held_out = true});
    seen.emplace(thing.colour, thing.figure);
    unseen.emplace(other.colour, other.figure);
    EXPECT_NE(thing.ground, kGreyGrounds + thing.colour) << "a figure on its own colour";
  }
  EXPECT_EQ(seen.size(), 150U);
  EXPECT_EQ(unseen.size(), 30U);
  for (const auto& pair : unseen) EXPECT_FALSE(seen.contains(pair)) << pair.first << " " << pair.second;
}

TEST(FormulaSentences, AreTrueOfTheirScene) {
  Random random = random_of(1);
  std::map<std::string, int> words;
  for (int k = 0; k < 5000; ++k) {
    const Scene scene = drawn_scene(random);
    const Sentence said = sentence(scene, random);
    EXPECT_TRUE(said.claim.holds(scene)) << said.text;
    EXPECT_TRUE(said.claim.colour || said.claim.figure) << said.text;
    const auto says = [&](const char* word) { return said.text.find(word) != std::string::npos; };
    EXPECT_TRUE(!said.claim.colour || says(thing_colour_name(scene.thing.colour))) << said.text;
    EXPECT_TRUE(!said.claim.figure || says(figure_name(scene.thing.figure))) << said.text;
    std::string word;
    for (const char c : said.text + " ") {
      if (c != ' ' && c != '.') {
        word += c;
      } else if (!word.empty()) {
        ++words[word];
        word.clear();
      }
    }
  }
  for (int k = 0; k < kThingColours; ++k) EXPECT_GT(words[thing_colour_name(k)], 20) << thing_colour_name(k);
  for (int k = 0; k < kThingFigures; ++k) EXPECT_GT(words[figure_name(k)], 20) << figure_name(k);
  for (const char* word : {"a", "an", "two", "three", "crosses", "picture", "drawing", "image", "background", "plain", "small", "little",
                           "large", "big", "striped", "dotted", "outlined", "thing"})
    EXPECT_GT(words[word], 5) << word;
}

TEST(FormulaSentences, AClaimHoldsOfWhatItSaysAndOfNothingElse) {
  const Scene scene{.thing = {.figure = 3, .colour = 0, .ground = 1, .texture = Texture::kStriped, .count = 1}, .size = 0.9F};
  EXPECT_TRUE(Claim{}.holds(scene));
  EXPECT_TRUE((Claim{.colour = 0, .figure = 3}.holds(scene)));
  EXPECT_FALSE((Claim{.colour = 1, .figure = 3}.holds(scene)));
  EXPECT_FALSE((Claim{.count = 2}.holds(scene)));
  EXPECT_FALSE((Claim{.texture = Texture::kDotted}.holds(scene)));
  EXPECT_FALSE((Claim{.stroke = Stroke::kOutlined}.holds(scene)));
  EXPECT_TRUE((Claim{.size = SizeWord::kLarge}.holds(scene)));
  EXPECT_FALSE((Claim{.size = SizeWord::kSmall}.holds(scene)));
  EXPECT_TRUE((Claim{.plain_ground = true}.holds(scene)));
  Scene on_stripes = scene;
  on_stripes.thing.ground = kPlainGrounds;
  EXPECT_FALSE((Claim{.plain_ground = true}.holds(on_stripes)));
}

TEST(FormulaSentences, SayEverythingInOneForm) {
  EXPECT_EQ(full_sentence({.thing = {.figure = 3, .colour = 0, .ground = 1}, .size = 0.7F}), "a red star on a white background.");
  EXPECT_EQ(full_sentence({.thing = {.figure = 5, .colour = 1, .ground = 4, .texture = Texture::kDotted, .count = 2}, .size = 0.3F}),
            "two orange dotted crosses on a checked background.");
  EXPECT_EQ(full_sentence({.thing = {.figure = 17, .colour = 5, .ground = 9, .stroke = Stroke::kOutlined, .count = 3}, .size = 0.3F}),
            "three outlined blue fish on an orange background.");
  EXPECT_EQ(full_sentence({.thing = {.figure = 0, .colour = 1, .ground = 0}, .size = 0.6F}),
            "a small orange circle on a black background.");
}

// Every figure and every colour is told from every other one at a glance: by masks at rest, by mean colours inside.
TEST(FormulaThings, FiguresDiffer) {
  const ThingPainter painter({.variation = 0, .pose = 0, .clutter = 0, .noise = 0});
  std::vector<Image> images(kThingFigures);
  for (int k = 0; k < kThingFigures; ++k) {
    Random random = random_of(2);
    painter.draw({.figure = k}, random, images[static_cast<size_t>(k)]);
  }
  for (int a = 0; a < kThingFigures; ++a) {
    for (int b = 0; b < a; ++b) {
      float both = 0, any = 0;
      for (size_t k = 0; k < kMask; ++k) {
        const float x = images[static_cast<size_t>(a)].mask[k], y = images[static_cast<size_t>(b)].mask[k];
        both += std::min(x, y);
        any += std::max(x, y);
      }
      EXPECT_LT(both / any, 0.87F) << figure_name(a) << " and " << figure_name(b);
    }
  }
}

}  // namespace
}  // namespace clb::formula
