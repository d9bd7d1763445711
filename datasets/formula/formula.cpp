// Images of 32 x 32 pixels that formulas draw, without any file: classes are combinations of colour, texture and figure ("red star"),
// domains are textures, grounds or strokes. Every image is a pure function of its class, domain, split, number and the seed: the same bytes
// on every machine, whatever else is asked for.
#include <clb/formula/scene.hpp>
#include <clb/sdk/dataset.hpp>
#include <optional>

#include "classes.hpp"

namespace {

using namespace formula_data;
namespace formula = clb::formula;

constexpr int64_t kMostImages = 10'000'000;  // of a split

class Formula final : public clb::Dataset {
 public:
  static constexpr clb::DatasetAbout about{
      .id = "formula",
      .version = "1.0.0",
      .citation = "images drawn from formulas by clbench; no photograph and no image of a data set",
      .licence = "Apache-2.0",
      .default_root = "",  // it reads no files
      .geometry = {formula::kSide, formula::kSide, 3},
  };

  static void params(clb::Params<Formula>& p) {
    p.choice("attributes", &Formula::attributes_,
             {"figure", "colour", "texture", "colour_figure", "texture_figure", "colour_texture", "colour_texture_figure"},
             "what makes a class; the other attributes are drawn for every image, textures apart, which are plain");
    p.integer("classes", &Formula::class_count_, {0, 720}, "how many classes; 0: all that these attributes give");
    p.choice("combinations", &Formula::combinations_, {"all", "seen", "held_out"},
             "which pairs of colour and figure appear; held_out: those that the pre-training of clb-micro-clip never draws");
    p.choice("domains", &Formula::domains_by_, {"none", "textures", "grounds", "strokes"}, "what tells domains apart");
    p.integer("domain_count", &Formula::domain_count_, {0, 8}, "how many domains, of the first; 0: all there are");
    p.integer("train_images", &Formula::train_images_, {1, 1'000'000}, "training images of each class in each domain");
    p.integer("test_images", &Formula::test_images_, {1, 1'000'000}, "test images of each class in each domain");
    p.integer("seed", &Formula::seed_, {0, 2'147'483'647}, "of the images; the classes are the same with every seed");
    p.real("pose", &Formula::pose_, {0, 1}, "how far place, size, aspect, slant, turn and bend differ");
    p.real("variation", &Formula::variation_, {0, 1}, "how far the figures of a class differ");
    p.real("clutter", &Formula::clutter_, {0, 1}, "share of images with other things around the figure or in front of it");
    p.real("noise", &Formula::noise_, {0, 1}, "share of images with noise, and as many with blur");
  }

  void open(const clb::Path&) override {
    choose_classes();
    choose_domains();
    painter_.emplace(formula::ThingOptions{.variation = variation_, .pose = pose_, .clutter = clutter_, .noise = noise_});
  }

  clb::Index index(clb::Split split) const override {
    clb::Index index;
    for (int64_t d = 0; d < domain_count_; ++d) {
      for (int64_t c = 0; c < class_count_; ++c) {
        index.labels.insert(index.labels.end(), static_cast<size_t>(images(split)), c);
        if (by_ != DomainsBy::kNone) index.domains.insert(index.domains.end(), static_cast<size_t>(images(split)), d);
      }
    }
    return index;
  }

  clb::Sample read(clb::Split split, int64_t i) const override {
    const int64_t k = i % images(split), c = i / images(split) % class_count_, d = i / images(split) / class_count_;
    const ThingClass& of = classes_[static_cast<size_t>(c)];
    // No number of classes, domains or images stands in the key, so that a larger data set holds the images of a smaller one.
    const uint64_t stream = of.key() << 8 | static_cast<uint64_t>(d) << 2 | static_cast<uint64_t>(split) << 1 | 1;
    formula::Random random(static_cast<uint64_t>(seed_), stream << 8, static_cast<uint64_t>(k));
    formula::Image image;
    painter_->draw(thing_of(of, static_cast<int>(d), random), random, image);
    std::vector<uint8_t> pixels;
    pixels.reserve(image.pixels.size());
    for (size_t at = 0; at < formula::kPixels; ++at)
      for (size_t plane = 0; plane < 3; ++plane) pixels.push_back(image.pixels[plane * formula::kPixels + at]);
    return clb::Sample::rgb(std::move(pixels), formula::kSide, formula::kSide);
  }

  std::vector<std::string> class_names() const override {
    std::vector<std::string> names;
    for (const ThingClass& one : classes_) names.push_back(one.name());
    return names;
  }
  std::vector<std::string> readable_names() const override {
    std::vector<std::string> names;
    for (const ThingClass& one : classes_) names.push_back(one.readable());
    return names;
  }
  std::vector<std::string> domain_names() const override { return domains_; }
  std::vector<std::string> templates() const override { return formula::name_templates(); }

 private:
  [[noreturn]] static void fail(const std::string& sentence) { throw clb::PluginError(CLB_E_INVALID, sentence); }
  bool has(const char* attribute) const { return attributes_.find(attribute) != std::string::npos; }
  int64_t images(clb::Split split) const { return split == clb::Split::kTrain ? train_images_ : test_images_; }

  void choose_classes() {
    pairs_ = combinations_ == "all" ? Combinations::kAll : combinations_ == "seen" ? Combinations::kSeen : Combinations::kHeldOut;
    classes_ = classes_of(attributes_, pairs_);
    const auto most = static_cast<int64_t>(classes_.size());
    if (class_count_ == 0) class_count_ = most;
    if (class_count_ > most)
      fail("classes = " + std::to_string(class_count_) + ", but attributes = \"" + attributes_ + "\" with combinations = \"" +
           combinations_ + "\" gives " + std::to_string(most));
    if (class_count_ == 1) fail("classes = 1 leaves nothing to tell apart; at least 2 are needed");
    classes_.resize(static_cast<size_t>(class_count_));
  }

  void choose_domains() {
    by_ = domains_by_ == "textures"  ? DomainsBy::kTextures
          : domains_by_ == "grounds" ? DomainsBy::kGrounds
          : domains_by_ == "strokes" ? DomainsBy::kStrokes
                                     : DomainsBy::kNone;
    if (has("texture") && by_ == DomainsBy::kTextures)
      fail("domains = \"textures\", but the classes are made of textures; choose other attributes");
    if (has("texture") && by_ == DomainsBy::kStrokes)
      fail("domains = \"strokes\", but lines show no textures, which the classes are made of; choose other attributes");
    domains_ = formula_data::domain_names(by_);
    const auto most = std::max<int64_t>(1, static_cast<int64_t>(domains_.size()));
    if (domain_count_ > most)
      fail("domain_count = " + std::to_string(domain_count_) + ", but domains = \"" + domains_by_ + "\" gives " + std::to_string(most));
    if (domain_count_ == 0) domain_count_ = most;
    if (!domains_.empty()) domains_.resize(static_cast<size_t>(domain_count_));
    if (std::max(train_images_, test_images_) > kMostImages / (class_count_ * domain_count_))
      fail(std::to_string(class_count_) + " classes in " + std::to_string(domain_count_) + " domains with " +
           std::to_string(std::max(train_images_, test_images_)) + " images each are more than " + std::to_string(kMostImages) +
           " images; lower train_images or test_images");
  }

  // What neither class nor domain says is drawn.
  formula::Thing thing_of(const ThingClass& of, int domain, formula::Random& random) const {
    formula::Thing thing;
    do {
      thing.colour = of.colour >= 0 ? of.colour : random.below(formula::kThingColours);
      thing.figure = of.figure >= 0 ? of.figure : random.below(formula::kThingFigures);
    } while (!allowed(pairs_, thing.colour, thing.figure));
    thing.texture = class_texture(std::max(0, of.texture));
    thing.ground = random.below(formula::kPlainGrounds);
    set_domain(by_, domain, thing);
    return thing;
  }

  std::string attributes_ = "colour_figure", combinations_ = "all", domains_by_ = "none";
  int64_t class_count_ = 20, domain_count_ = 0, train_images_ = 50, test_images_ = 20, seed_ = 0;
  double pose_ = 0.5, variation_ = 0.5, clutter_ = 0, noise_ = 0.2;

  DomainsBy by_ = DomainsBy::kNone;
  Combinations pairs_ = Combinations::kAll;
  std::vector<ThingClass> classes_;
  std::vector<std::string> domains_;
  std::optional<formula::ThingPainter> painter_;
};

}  // namespace

CLB_DATASET(Formula)
