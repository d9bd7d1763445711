#include "classes.hpp"

#include <algorithm>
#include <array>

namespace formula_data {

using namespace clb::formula;

namespace {

constexpr uint64_t kOrderStream = 20;
constexpr std::array kTexturesOfClasses{Texture::kPlain, Texture::kStriped, Texture::kChecked, Texture::kDotted};
static_assert(kTexturesOfClasses.size() == kClassTextures);
constexpr std::array kTexturesOfDomains{Texture::kPlain,  Texture::kStriped, Texture::kChecked,
                                        Texture::kDotted, Texture::kMottled, Texture::kShaded};

// -1 alone where the attribute is not asked for.
std::vector<int> values(bool asked, int count) {
  std::vector<int> list;
  for (int k = asked ? 0 : -1; k < (asked ? count : 0); ++k) list.push_back(k);
  return list;
}

}  // namespace

std::string ThingClass::readable() const {
  std::string text;
  if (colour >= 0) text += thing_colour_name(colour) + std::string(" ");
  // Beside other textures a plain one goes without saying, but not where it is all that a class is.
  if (texture > 0 || (texture == 0 && colour < 0 && figure < 0)) text += name_of(class_texture(texture)) + std::string(" ");
  return text + (figure >= 0 ? figure_name(figure) : "thing");
}

std::string ThingClass::name() const {
  std::string text = readable();
  std::replace(text.begin(), text.end(), ' ', '_');
  return text;
}

uint64_t ThingClass::key() const {
  return static_cast<uint64_t>(figure + 1) | static_cast<uint64_t>(colour + 1) << 8 | static_cast<uint64_t>(texture + 1) << 16;
}

bool allowed(Combinations combinations, int colour, int figure) {
  return combinations == Combinations::kAll || held_out(colour, figure) == (combinations == Combinations::kHeldOut);
}

std::vector<ThingClass> classes_of(const std::string& attributes, Combinations combinations) {
  const auto asked = [&](const char* name) { return attributes.find(name) != std::string::npos; };
  std::vector<ThingClass> list;
  for (const int colour : values(asked("colour"), kThingColours))
    for (const int texture : values(asked("texture"), kClassTextures))
      for (const int figure : values(asked("figure"), kThingFigures))
        if (colour < 0 || figure < 0 || allowed(combinations, colour, figure))
          list.push_back({.colour = colour, .texture = texture, .figure = figure});
  const auto place = [](const ThingClass& c) { return Random(0, kOrderStream, c.key()).next(); };
  std::sort(list.begin(), list.end(), [&](const ThingClass& a, const ThingClass& b) { return place(a) < place(b); });
  return list;
}

Texture class_texture(int texture) { return kTexturesOfClasses[static_cast<size_t>(texture)]; }

std::vector<std::string> domain_names(DomainsBy by) {
  std::vector<std::string> names;
  if (by == DomainsBy::kTextures)
    for (const Texture texture : kTexturesOfDomains) names.emplace_back(name_of(texture));
  if (by == DomainsBy::kGrounds)
    for (int k = 0; k < kGreyGrounds; ++k) names.emplace_back(ground_name(k));
  if (by == DomainsBy::kStrokes)
    for (int k = 0; k < kStrokes; ++k) names.emplace_back(name_of(static_cast<Stroke>(k)));
  return names;
}

void set_domain(DomainsBy by, int domain, Thing& thing) {
  if (by == DomainsBy::kTextures) thing.texture = kTexturesOfDomains[static_cast<size_t>(domain)];
  if (by == DomainsBy::kGrounds) thing.ground = domain;
  if (by == DomainsBy::kStrokes) thing.stroke = static_cast<Stroke>(domain);
}

}  // namespace formula_data
