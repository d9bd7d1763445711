// What the classes and domains of formula images are: combinations of attributes, in an order in which any first few are mixed.
#pragma once

#include <clb/formula/thing.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace formula_data {

// An attribute that is -1 is not the class's: every image draws its own.
struct ThingClass {
  int colour = -1, texture = -1, figure = -1;  // texture: of kClassTextures

  std::string name() const;      // "red_striped_star"
  std::string readable() const;  // "red striped star"; "red thing" where the figure is not the class's
  uint64_t key() const;          // another one for every combination, however many classes are taken
};

enum class Combinations { kAll, kSeen, kHeldOut };
bool allowed(Combinations combinations, int colour, int figure);

// `attributes`: "colour", "texture" and "figure", joined by "_". All classes there are; the order does not depend on a seed.
std::vector<ThingClass> classes_of(const std::string& attributes, Combinations combinations);

// Textures that have a name which people would give them at 32 x 32 pixels.
inline constexpr int kClassTextures = 4;
clb::formula::Texture class_texture(int texture);

// What tells domains apart, and their names.
enum class DomainsBy { kNone, kTextures, kGrounds, kStrokes };
std::vector<std::string> domain_names(DomainsBy by);
void set_domain(DomainsBy by, int domain, clb::formula::Thing& thing);

}  // namespace formula_data
