#include "clb/pretrain/recipe.hpp"

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/sha256.hpp>
#include <clb/base/toml/reader.hpp>

namespace clb::pretrain {
namespace {

using base::toml::Reader;

// Fills in those members that the table has.
class Members {
 public:
  Members(const base::toml::Node& node, const std::string& name) : reader_(node, name) {}

  Members& operator()(const std::string& key, double& value, double min, double max) {
    keys_.push_back(key);
    const base::toml::Node* node = reader_.find(key);
    if (node == nullptr) return *this;
    value = base::toml::to_number(*node, reader_.what(key));
    if (value < min || value > max) {
      base::toml::fail(node->place, reader_.what(key) + " must lie between " + base::canonical(min) + " and " + base::canonical(max) +
                                        ", found " + node->in_words());
    }
    return *this;
  }
  Members& operator()(const std::string& key, int64_t& value, int64_t min, int64_t max) {
    keys_.push_back(key);
    value = reader_.integer(key, value, min, max);
    return *this;
  }
  Members& operator()(const std::string& key, std::string& value, const std::vector<std::string>& choices) {
    keys_.push_back(key);
    value = choices.empty() ? reader_.string(key, value) : reader_.choice(key, value, choices);
    return *this;
  }
  // A file that lies relative to the recipe's folder; it has to be there.
  Members& operator()(const std::string& key, std::filesystem::path& value, const std::filesystem::path& folder) {
    keys_.push_back(key);
    value = folder / base::toml::to_string(reader_.at(key, "\"../assets/micro_bpe/vocabulary.txt\""), reader_.what(key));
    std::error_code error;
    if (!std::filesystem::is_regular_file(value, error)) fail(key, "names " + value.string() + ", which is not there");
    return *this;
  }
  // A table inside; read(members) is called where there is one.
  template <class Read>
  Members& table(const std::string& key, Read read) {
    keys_.push_back(key);
    if (const base::toml::Node* node = reader_.find(key)) {
      Members members(*node, reader_.name().empty() ? key : reader_.name() + "." + key);
      read(members);
      members.no_others();
    }
    return *this;
  }
  void no_others() const { base::toml::check_keys(reader_.table(), reader_.name().empty() ? "" : "[" + reader_.name() + "]", keys_); }

  void none_of(const std::vector<std::string>& keys, const std::string& reason) const {
    for (const std::string& key : keys)
      if (reader_.find(key) != nullptr) fail(key, reason);
  }
  [[noreturn]] void fail(const std::string& key, const std::string& sentence) const {
    const base::toml::Node* node = reader_.find(key);
    base::toml::fail(node != nullptr ? node->place : reader_.place(), reader_.what(key) + " " + sentence);
  }

 private:
  Reader reader_;
  std::vector<std::string> keys_;
};

void read_images(Members& m, formula::ImageOptions& o) {
  m("classes", o.classes, 2, 1000)("variation", o.variation, 0, 3)("pose", o.pose, 0, 3)("grey", o.grey, 0, 1)("dark", o.dark, 0, 1);
  m("clutter", o.clutter, 0, 1)("several", o.several, 0, 1)("plain", o.plain, 0, 1)("noise", o.noise, 0, 1);
}

void read_network(Members& m, NetworkRecipe& n) {
  m("patch", n.patch, 1, formula::kSide)("dim", n.dim, 4, 4096)("depth", n.depth, 1, 64)("heads", n.heads, 1, 64);
  m("position_scale", n.position_scale, 0, 10);
  if (formula::kSide % n.patch != 0) m.fail("patch", "must divide 32, the side of the images");
  if (n.dim % n.heads != 0) m.fail("heads", "must divide dim = " + std::to_string(n.dim));
  if (n.dim % 4 != 0) m.fail("dim", "must be a multiple of 4, for sine-cosine positions in two dimensions");
}

void read_text(Members& m, TextRecipe& t, const std::filesystem::path& folder) {
  m("dim", t.dim, 4, 4096)("depth", t.depth, 1, 64)("heads", t.heads, 1, 64)("context", t.context, 32, 1024);
  m("features", t.features, 2, 4096)("temperature", t.temperature, 0.01, 1)("vocabulary", t.vocabulary, folder);
  if (t.dim % t.heads != 0) m.fail("heads", "must divide dim = " + std::to_string(t.dim));
  t.vocabulary_sha256 = base::hex(base::sha256_file(t.vocabulary));
}

// What says nothing where texts are the targets.
constexpr const char* kNoClasses = "has no meaning beside [network.text], with which sentences are learned and no classes; leave it out";

void read_training(Members& m, TrainingRecipe& t) {
  m("images", t.images, 1, int64_t{1} << 40)("batch_size", t.batch_size, 1, 65536)("slice", t.slice, 1, 65536);
  m("optimizer", t.optimizer, {"muon", "adamw"})("precision", t.precision, {"fp32", "bf16"});
  m("muon_lr", t.muon_lr, 0, 1)("lr", t.lr, 0, 1)("weight_decay", t.weight_decay, 0, 10)("warmup", t.warmup, 0, 1);
  m("dropped", t.dropped, 0, 0.95)("keep_all_from", t.keep_all_from, 0, 1);
  m("mix", t.mix, {"none", "mixup", "cutmix"})("mixed", t.mixed, 0, 1);
  if (t.images < t.batch_size) m.fail("images", "must be at least one batch, " + std::to_string(t.batch_size));
  if (t.batch_size % t.slice != 0) m.fail("slice", "must divide batch_size = " + std::to_string(t.batch_size));
}

void read_loss(Members& m, LossRecipe& l) {
  m("classes", l.classes, 0, 1000)("mask", l.mask, 0, 1000)("numbers", l.numbers, 0, 1000)("thumbnail", l.thumbnail, 0, 1000);
  m("cosine_scale", l.cosine_scale, 0, 1000);
}

}  // namespace

Recipe parse_recipe(const std::string& text, const std::string& name) {
  const base::toml::Node root = base::toml::parse_toml(text, name);
  Recipe recipe;
  Members m(root, "");
  m("name", recipe.name, {})("seed", recipe.seed, 0, base::toml::kMaxInt);
  m.table("network", [&](Members& t) {
    t.table("text", [&](Members& text) { read_text(text, recipe.text.emplace(), std::filesystem::path(name).parent_path()); });
    read_network(t, recipe.network);
  });
  m.table("images", [&](Members& t) {
    read_images(t, recipe.images);
    if (recipe.text) t.none_of({"classes", "grey", "dark"}, kNoClasses);
  });
  m.table("training", [&](Members& t) {
    read_training(t, recipe.training);
    if (recipe.text) t.none_of({"mix", "mixed"}, kNoClasses);
  });
  if (recipe.text) m.none_of({"loss"}, kNoClasses);
  m.table("loss", [&](Members& t) { read_loss(t, recipe.loss); });
  m.table("output", [&](Members& t) { t("type", recipe.output_type, {"f16", "bf16", "f32"}); });
  m.no_others();
  recipe.images.seed = recipe.seed;
  return recipe;
}

Recipe read_recipe(const std::filesystem::path& file) { return parse_recipe(base::read_file(file, 1 << 20), file.string()); }

base::Json Recipe::to_json() const {
  base::Json json = of_images();
  if (!text) return json;
  json["network"]["text"] = {{"dim", text->dim},
                             {"depth", text->depth},
                             {"heads", text->heads},
                             {"context", text->context},
                             {"features", text->features},
                             {"temperature", text->temperature},
                             {"vocabulary_sha256", text->vocabulary_sha256}};
  return json;
}

base::Json Recipe::of_images() const {
  return {{"name", name},
          {"seed", seed},
          {"images",
           {{"classes", images.classes},
            {"variation", images.variation},
            {"pose", images.pose},
            {"grey", images.grey},
            {"dark", images.dark},
            {"clutter", images.clutter},
            {"several", images.several},
            {"plain", images.plain},
            {"noise", images.noise}}},
          {"network",
           {{"patch", network.patch},
            {"dim", network.dim},
            {"depth", network.depth},
            {"heads", network.heads},
            {"position_scale", network.position_scale}}},
          {"training",
           {{"images", training.images},
            {"batch_size", training.batch_size},
            {"slice", training.slice},
            {"optimizer", training.optimizer},
            {"precision", training.precision},
            {"muon_lr", training.muon_lr},
            {"lr", training.lr},
            {"weight_decay", training.weight_decay},
            {"warmup", training.warmup},
            {"dropped", training.dropped},
            {"keep_all_from", training.keep_all_from},
            {"mix", training.mix},
            {"mixed", training.mixed}}},
          {"loss",
           {{"classes", loss.classes},
            {"mask", loss.mask},
            {"numbers", loss.numbers},
            {"thumbnail", loss.thumbnail},
            {"cosine_scale", loss.cosine_scale}}},
          {"output", {{"type", output_type}}}};
}

}  // namespace clb::pretrain
