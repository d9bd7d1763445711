#include <clb/formula/image.hpp>

namespace clb::formula {
namespace {

struct Noun {
  const char* one;
  const char* many;
};

Noun noun_of(Family family) {
  switch (family) {
    case Family::kSymmetric:
      return {"symmetric profile", "symmetric profiles"};
    case Family::kAsymmetric:
      return {"lopsided profile", "lopsided profiles"};
    case Family::kRadial:
      return {"wavy round shape", "wavy round shapes"};
    case Family::kPolygon:
      return {"polygon", "polygons"};
    case Family::kComposite:
      return {"composite of ellipses and boxes", "composites of ellipses and boxes"};
    case Family::kJulia:
      return {"Julia set", "Julia sets"};
  }
  return {"", ""};
}

}  // namespace

std::string caption(const Attributes& a) {
  const std::string look = a.texture == Texture::kPlain ? a.colour : a.colour + " " + name_of(a.texture);
  const Noun noun = noun_of(a.family);
  const std::string article = look.starts_with('o') ? "an " : "a ";  // orange
  const std::string what =
      a.count == 1 ? article + look + " " + noun.one : std::string(a.count == 2 ? "two " : "three ") + look + " " + noun.many;
  return what + " on " + (a.background.starts_with('o') ? "an " : "a ") + a.background + " background";
}

}  // namespace clb::formula
