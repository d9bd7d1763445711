#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/base/output.hpp>
#include <clb/formula/sheet.hpp>

#include "captioned.hpp"
#include "verbs.hpp"

namespace clb::pretrain {

namespace po = boost::program_options;

namespace {

constexpr const char* kDrawExample =
    "example: clb-pretrain draw share/pretrain/clb-micro.toml --sheet images.png --captions images.jsonl --count 240\n";

struct Drawn {
  std::string sheet, captions;
};

formula::SheetOf what_of(const std::string& name) {
  return name == "classes" ? formula::SheetOf::kClasses : name == "masks" ? formula::SheetOf::kMasks : formula::SheetOf::kImages;
}

Drawn draw_labelled(const Recipe& recipe, formula::SheetOf what, int64_t first, int64_t count, int64_t columns, int64_t zoom) {
  const formula::Painter painter(recipe.images);
  return {formula::sheet(painter, what, first, count, columns, zoom), formula::captions(painter, first, count)};
}

Drawn draw_captioned(const Recipe& recipe, int64_t first, int64_t count, int64_t columns, int64_t zoom) {
  const CaptionedImages images(recipe);
  const auto draw = [&](int64_t index, formula::Image& image) { images.draw(index, image); };
  return {formula::sheet(draw, first, count, columns, zoom), captions(images, first, count)};
}

}  // namespace

int draw_verb(const Words& words) {
  po::options_description described("options", 110, 60);
  std::string sheet_file, captions_file, of;
  bool force = false;
  int64_t first = 0, count = 0, columns = 0, zoom = 0;
  described.add_options()("sheet", po::value(&sheet_file)->value_name("FILE.png"), "the images side by side");
  described.add_options()("captions", po::value(&captions_file)->value_name("FILE.jsonl"), "what they show, one JSON object a line");
  described.add_options()("force", po::bool_switch(&force), kForce);
  described.add_options()("of", po::value(&of)->value_name("images|masks|classes")->default_value("images"), "what the sheet shows");
  described.add_options()("first", po::value(&first)->value_name("N")->default_value(0), "index of the first image, or class");
  described.add_options()("count", po::value(&count)->value_name("N")->default_value(200), "how many");
  described.add_options()("columns", po::value(&columns)->value_name("N")->default_value(20), "images a row");
  described.add_options()("zoom", po::value(&zoom)->value_name("N")->default_value(2), "sheet pixels a pixel");
  po::variables_map values;
  if (!parse(words, described, {"clb-pretrain draw RECIPE.toml --sheet FILE.png [options]", kDrawExample}, values)) return 0;
  const std::string recipe_file = values["recipe"].as<std::string>();
  const Recipe recipe = read_recipe(recipe_file);
  const bool classes = of == "classes";
  if (of != "images" && of != "masks" && !classes) throw base::Error("--of takes images, masks or classes, not '" + of + "'");
  if (sheet_file.empty() && captions_file.empty()) throw base::Error("nothing to write: give --sheet FILE.png or --captions FILE.jsonl");
  if (first < 0 || count < 1 || count > 100'000 || columns < 1 || columns > 1000 || zoom < 1 || zoom > 16)
    throw base::Error("--first takes a number from 0, --count 1 to 100000, --columns 1 to 1000, --zoom 1 to 16");
  if (recipe.text && of != "images") throw base::Error("--of " + of + " is for recipes with classes; this one has a table [network.text]");
  if (classes && first + count > recipe.images.classes)
    throw base::Error(fmt::format("the recipe has {} classes; --first and --count go beyond", recipe.images.classes));
  const base::OutputRule sheet{"a sheet that clb-pretrain drew", formula::is_sheet, {recipe_file}, force};
  const base::OutputRule captions{"a file of captions that clb-pretrain wrote", formula::is_captions, {recipe_file, sheet_file}, force};
  if (!sheet_file.empty()) base::require_output(sheet_file, sheet);
  if (!captions_file.empty()) base::require_output(captions_file, captions);
  const Drawn drawn =
      recipe.text ? draw_captioned(recipe, first, count, columns, zoom) : draw_labelled(recipe, what_of(of), first, count, columns, zoom);
  if (!sheet_file.empty()) base::write_output(sheet_file, drawn.sheet, sheet);
  if (!captions_file.empty()) base::write_output(captions_file, drawn.captions, captions);
  return 0;
}

}  // namespace clb::pretrain
