#include "weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/safetensors.hpp>
#include <clb/base/sha256.hpp>
#include <clb/weights/search.hpp>

#include "files.hpp"
#include "recipes.hpp"
#include "toml.hpp"

namespace clb::plan {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxImage = 4096, kMaxDim = 65536, kMaxDepth = 1024, kMaxHeads = 1024;

std::string read_digest(const Node& node, const std::string& what) {
  std::string text = to_string(node, what);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (text.size() != 64 || text.find_first_not_of("0123456789abcdef") != std::string::npos)
    fail(node.place, fmt::format("{} must be 64 hexadecimal digits, found \"{}\"", what, text));
  return text;
}

void check_role(const Entry& entry) {
  const bool letters = entry.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
  if (entry.key.empty() || !letters)
    fail(entry.key_place, fmt::format("a role of weights has small letters, digits and _, \"main\" for example, found \"{}\"", entry.key));
}

struct Surroundings {
  const fs::path& folder;
  const PlanOptions& options;
  Catalogue& catalogue;
  Plan& plan;
};

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const base::NetworkFormat& format : base::network_formats()) names.emplace_back(format.name);
  return names;
}

weights::Known known_of(const Node& name, const std::string& what, const PlanOptions& options) {
  const std::string text = to_string(name, what);
  if (const auto known = weights::find_known(text, options.weights_folders)) return *known;
  fail(name.place, fmt::format("{}: no weights are called \"{}\"{}", what, one_line(text),
                               suggestion(text, weights::known_names(options.weights_folders), "known weights")));
}

std::string listed(const std::vector<fs::path>& folders) {
  std::string text;
  for (const fs::path& folder : folders) text += (text.empty() ? "" : ", ") + folder.string();
  return text;
}

// Where the file is; when it is nowhere the sentence that says so, and a path that stands for it.
struct Found {
  fs::path file;
  std::string missing;
};

Found find_file(const Reader& reader, const std::optional<weights::Known>& known, const Surroundings& around) {
  if (const Node* node = reader.find("file")) {
    const fs::path file = resolve_path(*node, reader.what("file"), around.folder);
    if (is_file(file)) return {file, ""};
    return {file, fmt::format("{0}: no such file {1}; give another path with --set {0}=FILE", reader.what("file"), file.string())};
  }
  std::vector<fs::path> folders = around.options.weights_folders;
  if (const auto file = weights::find_file(*known, folders)) return {*file, ""};
  if (!known->folder.empty()) folders.push_back(known->folder);
  const fs::path place = known->folder.empty() ? around.options.share / "weights" : known->folder;
  return {
      place / known->file,
      fmt::format("{}: the file {} of {} is in none of {}; put it there, name its folder with --weights-path DIR or the file with --set "
                  "{}.file=FILE{}{}",
                  reader.name(), known->file, known->name, listed(folders), reader.name(),
                  known->urls.empty() ? "" : fmt::format("; `clbench data get {}` gets it", known->name),
                  known->get.empty() ? "" : " (" + known->get + ")")};
}

// The digest that the file must have: its name's, or what the experiment says. Empty: neither says one.
std::string wanted_digest(const Reader& reader, const std::optional<weights::Known>& known) {
  const Node* node = reader.find("sha256");
  const std::string given = node ? read_digest(*node, reader.what("sha256")) : "";
  if (!known || known->sha256.empty() || given.empty() || given == known->sha256) return given.empty() && known ? known->sha256 : given;
  if (node->place.on_command_line() && reader.find("file")) return given;  // another file in place of the named one
  fail(node->place, fmt::format("{} is {}, but {} is the file with SHA-256 {} ({}); leave one of the two out", reader.what("sha256"), given,
                                known->name, known->sha256, known->place.text()));
}

void check_digest(const Reader& reader, const std::optional<weights::Known>& known, const Place& place, const std::string& file,
                  const std::string& found, const std::string& wanted, const std::string& damage) {
  if (found == wanted) return;
  if (wanted.empty() && known)
    fail(place,
         fmt::format("the SHA-256 of {0} is not known here; {1} has {2}: if this is the file, write {3} = {{ name = \"{0}\", sha256 = "
                     "\"{2}\" }}",
                     known->name, file, found, reader.name()));
  if (wanted.empty()) fail(reader.place(), fmt::format("[{}] needs the digest of {}: sha256 = \"{}\"", reader.name(), file, found));
  if (known && wanted == known->sha256)  // what its name promises counts before what else may be wrong with it
    fail(place, fmt::format("{} has SHA-256 {}, but {} is the file with {} ({}){}; give that file, or name this one by file and sha256",
                            file, found, known->name, wanted, known->place.text(), damage.empty() ? "" : ": " + damage));
  fail(reader.find("sha256")->place,
       fmt::format("{} has SHA-256 {}, the experiment names {}; name the first if this file is meant, else get the other one", file, found,
                   wanted));
}

// A description whose digest is not known still says what network it is.
void check_sizes(const Place& place, const weights::Known& known, const base::VitShape& shape, const std::string& file) {
  const auto differs = [](int64_t wanted, int64_t found) { return wanted != 0 && wanted != found; };
  if (!differs(known.image, shape.image.height) && !differs(known.image, shape.image.width) && !differs(known.patch, shape.patch) &&
      !differs(known.dim, shape.dim) && !differs(known.depth, shape.depth))
    return;
  fail(place, fmt::format("{} holds a network for images of {} with patches of {}, width {} and {} blocks, but {} has {}, {}, {} and {}; "
                          "it is another file",
                          file, base::size_text(shape.image), shape.patch, shape.dim, shape.depth, known.name, known.image, known.patch,
                          known.dim, known.depth));
}

// What is known of the file: by its name, else by the digest that the experiment gives, so that it makes no difference which of them is
// said.
std::optional<weights::Known> known_facts(const Reader& reader, const std::optional<weights::Known>& named, const std::string& digest,
                                          const PlanOptions& options) {
  if (named || digest.empty() || reader.find("name")) return named;
  for (const weights::Known& known : weights::read_all_known(options.weights_folders))
    if (known.sha256 == digest) return known;
  return std::nullopt;
}

// Heads and format as the experiment says them, else as they are known. The same network has the same key, whether its heads are said or
// follow from its width.
base::NetworkHints hints_of(const Reader& reader, const std::optional<weights::Known>& known, base::WeightsSpec& spec) {
  spec.heads = reader.integer("heads", 0, 1, kMaxHeads);
  if (known && spec.heads == 0 && known->heads > 0 && known->heads * 64 != known->dim) spec.heads = known->heads;
  spec.text_heads = reader.integer("text_heads", 0, 1, kMaxHeads);
  const std::string format = reader.choice("format", known ? known->format : "", format_names());
  if (!format.empty()) spec.format = format;
  return {.format = format, .heads = spec.heads, .text_heads = spec.text_heads};
}

void read_file_weights(const Reader& reader, const Surroundings& around, WeightsEntry& entry) {
  base::WeightsSpec& spec = entry.spec;
  std::optional<weights::Known> named;
  if (const Node* name = reader.find("name")) named = known_of(*name, reader.what("name"), around.options);
  const Place place = reader.find("file") ? reader.find("file")->place : reader.find("name")->place;
  const std::string wanted = wanted_digest(reader, named);
  if (named && !named->sha256.empty() && wanted != named->sha256) named.reset();
  const std::optional<weights::Known> known = known_facts(reader, named, wanted, around.options);
  const base::NetworkHints hints = hints_of(reader, known, spec);
  if (known && spec.role != "main") entry.preprocess = known->preprocess;
  if (known) entry.vocabulary = known->vocabulary;
  if (const Node* node = reader.find("vocabulary")) entry.vocabulary = resolve_path(*node, reader.what("vocabulary"), around.folder);
  const Found found = find_file(reader, named, around);
  spec.file = found.file.string();
  if (!found.missing.empty()) {
    if (!around.options.missing_ok) fail(place, found.missing);
    around.plan.missing.push_back(found.missing);
    spec.sha256 = wanted.empty() ? std::string(64, '0') : wanted;
    return;
  }
  std::string damage;
  try {
    const base::MappedFile mapped(spec.file);
    const base::NetworkShape shape = base::network_shape(base::parse_safetensors(mapped.bytes(), spec.file), hints, spec.file);
    entry.shape = shape.image;
    spec.format = shape.format;
  } catch (const base::Error& error) {
    damage = error.what();
  }
  const bool promised = named && !named->sha256.empty();
  if (!damage.empty() && !promised) fail(place, damage);
  spec.sha256 = around.catalogue.file_sha256(spec.file);
  check_digest(reader, named, place, spec.file, spec.sha256, wanted, damage);
  if (!damage.empty()) fail(place, damage);
  if (named) check_sizes(place, *named, *entry.shape, spec.file);
}

void read_random_weights(const Reader& role, const Node& node, WeightsEntry& entry) {
  for (const char* key : {"name", "file", "sha256", "heads", "text_heads", "format", "vocabulary"})
    if (const Node* other = role.find(key)) fail(other->place, fmt::format("{} has no meaning beside random weights", role.what(key)));
  const Reader reader(node, role.what("random"));
  base::RandomWeights& vit = entry.spec.random;
  vit.image = reader.integer("image", vit.image, 1, kMaxImage);
  vit.patch = reader.integer("patch", vit.patch, 1, kMaxImage);
  vit.dim = reader.integer("dim", vit.dim, 1, kMaxDim);
  vit.depth = reader.integer("depth", vit.depth, 1, kMaxDepth);
  vit.heads = reader.integer("heads", vit.heads, 1, kMaxHeads);
  vit.seed = reader.integer("seed", vit.seed, 0, kMaxInt);
  if (vit.image % vit.patch != 0)
    fail(node.place, fmt::format("{}: image = {} must be a multiple of patch = {}", role.what("random"), vit.image, vit.patch));
  if (vit.dim % vit.heads != 0)
    fail(node.place, fmt::format("{}: dim = {} must be a multiple of heads = {}", role.what("random"), vit.dim, vit.heads));
  entry.spec.sha256 = base::hex(base::sha256(base::canonical(vit.to_json())));
  entry.shape =
      base::VitShape{.image = vit.image, .patch = vit.patch, .dim = vit.dim, .depth = vit.depth, .heads = vit.heads, .mlp = 4 * vit.dim};
}

}  // namespace

WeightsSection::WeightsSection(const Node& root, fs::path experiment_folder, const PlanOptions& options, Catalogue& catalogue, Plan& plan)
    : folder_(std::move(experiment_folder)), options_(options), catalogue_(catalogue), plan_(plan) {
  const Node* weights = root.table()->find("weights");
  if (!weights || weights->table()->entries().empty()) return;
  table_ = weights->table();
  for (const Entry& entry : table_->entries()) check_role(entry);
}

const WeightsEntry& WeightsSection::at(const std::string& role) {
  const auto [at, fresh] = read_.try_emplace(role);
  WeightsEntry& entry = at->second;
  if (!fresh) return entry;
  const auto written = std::find_if(table_->entries().begin(), table_->entries().end(), [&](const Entry& e) { return e.key == role; });
  const Reader reader(written->value, "weights." + role);
  entry.place = written->key_place;
  entry.spec.role = role;
  if (const Node* random = reader.find("random"))
    read_random_weights(reader, *random, entry);
  else if (reader.find("file") || reader.find("name"))
    read_file_weights(reader, {folder_, options_, catalogue_, plan_}, entry);
  else
    fail(reader.place(),
         fmt::format("[weights.{}] needs name = \"...\", file = \"...\" or random = {{ image = 32, patch = 4, ... }}", role));
  entry.spec.pos_antialias = reader.flag("pos_antialias", entry.spec.pos_antialias);
  return entry;
}

base::WeightsSpec resolve_weights(const WeightsEntry& entry, const base::TransformRecipe& train, const base::TransformRecipe& eval,
                                  const std::string& dataset_id, const fs::path& recipes) {
  base::WeightsSpec spec = entry.spec;
  if (!entry.preprocess) return spec;
  const weights::Preprocess& known = *entry.preprocess;
  const auto own = [&](const base::TransformRecipe& general, View view) -> std::optional<base::TransformRecipe> {
    base::TransformRecipe recipe = general;
    if (!known.transform.empty())
      recipe = load_recipe(recipes, Node{entry.place, known.transform}, "preprocess.transform of weights." + spec.role, view, dataset_id);
    recipe.mean = known.mean;
    recipe.std = known.std;
    return recipe == general ? std::nullopt : std::optional(recipe);
  };
  spec.eval_transform = own(eval, View::kEval);
  spec.train_transform = own(train, View::kTrain);
  return spec;
}

}  // namespace clb::plan
